"""New wording while orders come in: each text is made from one version, and the next order has the newest."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local
WORDINGS = 50
ORDERS_PER_SECOND = 20
LANGUAGES = ("en", "sw")


@pytest.fixture(autouse=True)
def shipped(system: System) -> Iterator[dict[str, str]]:
    """The wording that ships, in place again for the tests that use the system next."""
    before = system.call("GET", "wording").body
    yield before["created"]
    now = system.call("GET", "wording").body["version"]
    body = {name: before[name] for name in ("default_language", "created")}
    assert system.call("PUT", "wording", body, if_match=f'"{now}"').status == 200


def written(version: int) -> dict[str, str]:
    """Return a wording that says its version at its beginning and its end, in each language."""
    return {language: f"{language} {version} {{name}} {{code}} {language} {version}" for language in LANGUAGES}


def test_each_text_is_of_one_wording_while_it_changes_and_the_next_has_the_last(
    system: System, shipped: dict[str, str]
) -> None:
    customers = [system.customer(language=language) for language in LANGUAGES]
    version = int(system.call("GET", "wording").body["version"])
    first = version + 1
    # As many threads as orders that may be under way, since a slow machine must not slow down their rate.
    with ThreadPoolExecutor(ORDERS_PER_SECOND) as threads:
        going = []
        begin = time.monotonic()
        for number in range(WORDINGS):
            version += 1
            body = {"default_language": "en", "created": written(version)}
            put = threads.submit(system.call, "PUT", "wording", body, if_match=f'"{version - 1}"')
            # Ten changes a second, two orders during each.
            for customer in customers:
                going.append(threads.submit(system.order, customer))
                time.sleep(max(0, begin + len(going) / ORDERS_PER_SECOND - time.monotonic()))
            answer = put.result()
            assert (answer.status, answer.body["version"]) == (200, version), number
        orders = [each.result() for each in going]
    last = [system.order(customer) for customer in customers]

    assert len(orders) == WORDINGS * len(LANGUAGES)
    seen = set()
    for order in orders:
        language, text = order["sms"]["language"], order["sms"]["text"]
        if text.startswith(shipped[language].partition("{")[0]):
            # From before the first change.
            continue
        made_of = int(text.split()[1])
        assert text == written(made_of)[language].format(name="john doe", code=order["code"])
        assert first <= made_of <= version
        seen.add(made_of)
    assert len(seen) > WORDINGS / 10, "the orders did not come in while the wording changed"
    for language, order in zip(LANGUAGES, last, strict=True):
        assert order["sms"]["text"] == written(version)[language].format(name="john doe", code=order["code"])
        assert (order["sms"]["language"], order["sms"]["segments"]) == (language, 1)
        system.reaches(order, "sent", "delivered")
    composed = {order["sms"]["text"] for order in (*orders, *last)}
    assert {text["text"] for text in system.texts() if text["text"].split()[0] in LANGUAGES} <= composed


def test_a_customers_language_is_followed_until_the_text_is_claimed(system: System) -> None:
    system.behave(default="http:429")
    customer = system.customer(phone_number="+254700000117", language="sw")
    order = system.order(customer)
    assert order["sms"]["language"] == "sw"
    assert system.call("PATCH", f"customers/{customer['id']}", {"language": "en"}).status == 200
    system.behave()
    sms = system.reaches(order, "sent", "delivered")
    [text] = [each["text"] for each in system.texts() if each["to"] == "+254700000117"]
    assert (sms["language"], sms["text"]) == ("en", text)
    assert text.startswith("Dear john doe, ")
