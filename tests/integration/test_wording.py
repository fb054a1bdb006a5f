"""The shop's wording of texts, and the language of its customers."""

import threading
from typing import Any

import pytest

from sales.africastalking.answers import Kind
from sales.domain.sms.wording import shipped_wording
from sales.runtime.aws import aws_client
from sales.services.sms import send as sending
from sales.store import Conflict, store
from sales.store.table import Connection
from tests.integration.api import BASE, Answer, call, create_customer, create_order, get, order_for
from tests.integration.sending import Rows, Time, again, patch_customer, shown, state, stream, sweep
from tests.support.events import http_event
from tests.support.fakes import FakeProvider, refused

pytestmark = pytest.mark.usefixtures("tables")
EN, SW = "Hello {name}, order {code}.", "Habari {name}, oda {code}."
OWN = {"default_language": "en", "created": {"en": EN, "sw": SW}}


def read(**headers: str) -> Answer:
    return call("get_wording", http_event("GET", f"{BASE}/wording", headers=headers))


def write(body: Any = OWN, if_match: str | None = '"1"', **kwargs: Any) -> Answer:
    headers = {"If-Match": if_match} if if_match is not None else {}
    return call("put_wording", http_event("PUT", f"{BASE}/wording", body, headers=headers, **kwargs))


def customer_with(language: str | None) -> dict[str, Any]:
    body = {"name": "jane", "phone_number": "+254704590344", "email": "j@example.com", "language": language}
    answer = create_customer(body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def text_for(customer: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return language and words of the text that a new order has."""
    sms = create_order(order_for(customer)).body["sms"]
    return sms["language"], sms["text"]


class TestReading:
    def test_before_anybody_wrote_one_it_is_the_one_that_ships(self) -> None:
        answer = read()
        assert (answer.status, answer.headers["etag"]) == (200, '"1"')
        assert answer.body == shipped_wording("").public()
        assert list(answer.body["created"]) == ["en", "sw"]

    def test_the_setting_is_its_english_text(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("SMS_TEXT", "Hi {name}")
        assert read().body["created"]["en"] == "Hi {name}"
        assert text_for(customer_with(None)) == ("en", "Hi jane")

    def test_a_caller_who_has_the_version_gets_304(self) -> None:
        assert read(**{"If-None-Match": '"1"'}).status == 304
        write()
        assert read(**{"If-None-Match": '"1"'}).status == 200


class TestWriting:
    def test_a_new_wording_is_read_and_has_the_next_version(self) -> None:
        answer = write()
        assert (answer.status, answer.headers["etag"]) == (200, '"2"')
        assert answer.body == read().body == OWN | {"version": 2}
        assert write(OWN | {"default_language": "sw"}, '"2"').body["version"] == 3

    @pytest.mark.parametrize("if_match", [None, "*", " * "])
    def test_without_a_version_it_is_428_and_nothing_is_stored(self, if_match: str | None, rows: Rows) -> None:
        answer = write(if_match=if_match)
        assert (answer.status, answer.body["code"]) == (428, "precondition_required")
        assert rows("customers") == []

    @pytest.mark.parametrize("if_match", ['"0"', '"2"', 'W/"1"', '"x"'])
    def test_another_version_is_412_with_the_present_one(self, if_match: str, rows: Rows) -> None:
        answer = write(if_match=if_match)
        assert (answer.status, answer.body["current_version"], answer.headers["etag"]) == (412, 1, '"1"')
        assert rows("customers") == []

    def test_an_old_version_is_412(self) -> None:
        write()
        assert (write().status, write(if_match='"1", "2"').status) == (412, 200)

    def test_what_cannot_be_sent_is_refused_with_each_language_and_its_reason(self, rows: Rows) -> None:
        answer = write({"default_language": "en", "created": {"en": EN, "sw": "{jina}", "fr": "é" * 400, "Ünix": EN}})
        assert (answer.status, answer.body["code"]) == (422, "wording_invalid")
        assert answer.codes == {
            "/created/sw": "invalid_wording", "/created/fr": "invalid_wording", "/created/Ünix": "invalid_language"
        }  # fmt: skip
        details = {error["pointer"]: error["detail"] for error in answer.body["errors"]}
        assert "{jina}" in details["/created/sw"]
        assert "at least 3 segments" in details["/created/fr"]
        assert rows("customers") == []

    def test_a_default_without_wording_is_refused(self) -> None:
        answer = write({"default_language": "fr", "created": {"en": EN}})
        assert (answer.status, answer.body["code"]) == (422, "wording_invalid")
        assert answer.codes == {"/default_language": "unknown_language"}

    def test_a_body_of_another_shape_is_refused_as_any_other(self) -> None:
        answer = write({"created": [], "version": 1})
        assert (answer.status, answer.body["code"]) == (422, "validation_failed")
        assert answer.codes.keys() == {"/default_language", "/created", "/version"}

    def test_a_clerk_may_read_it_and_not_write_it(self) -> None:
        answer = write(scopes=("sales:read", "sales:write"))
        assert (answer.status, answer.body["code"]) == (403, "insufficient_scope")

    def test_of_writers_with_the_same_version_one_wins(self) -> None:
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(write())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200] + [412] * 7
        assert read().body["version"] == 2

    @pytest.mark.parametrize("before", [0, 1])
    def test_a_write_whose_answer_is_lost_meets_itself_when_it_is_repeated(
        self, before: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(before):
            write(if_match=f'"{number + 1}"')
        call_once = Connection.call

        def twice(connection: Connection, operation: str, **parameters: Any) -> Any:
            if operation == "put_item":
                call_once(connection, operation, **parameters)
            return call_once(connection, operation, **parameters)

        monkeypatch.setattr(Connection, "call", twice)
        answer = write(if_match=f'"{before + 1}"')
        assert (answer.status, answer.body["version"]) == (200, before + 2)

    def test_the_store_refuses_a_version_that_does_not_follow(self) -> None:
        wording = store().wordings.get()
        with pytest.raises(Conflict) as conflict:
            store().wordings.replace(wording._replace(version=7))
        assert conflict.value.current is None


class TestLanguage:
    def test_a_customers_language_chooses_and_is_read(self) -> None:
        customer = customer_with("SW")
        assert customer["language"] == shown(customer)["language"] == "sw"
        language, text = text_for(customer)
        assert language == "sw"
        assert text
        assert text.startswith("Mpendwa jane, oda yako ")
        assert text_for(customer_with(None))[0] == "en"

    def test_the_default_language_is_that_of_customers_without_one(self) -> None:
        write(OWN | {"default_language": "sw"})
        assert text_for(customer_with(None))[0] == "sw"
        assert text_for(customer_with("en"))[0] == "en"

    def test_a_language_without_wording_is_refused_with_all_other_faults(self, rows: Rows) -> None:
        answer = create_customer({"name": "", "phone_number": "+254704590344", "email": "x", "language": "fr"})
        assert answer.status == 422
        assert answer.codes == {"/name": "required", "/email": "invalid_email", "/language": "unknown_language"} | {
            "/name": answer.codes["/name"]
        }
        assert rows("customers") == []
        assert create_customer(
            {"name": "j", "phone_number": "+254704590344", "email": "j@x.org", "language": 1}
        ).codes == {"/language": "invalid_type"}
        assert patch_customer(customer_with("en"), language="english").codes == {"/language": "invalid_language"}

    def test_a_language_of_the_stored_wording_is_accepted(self) -> None:
        write({"default_language": "en", "created": {"en": EN, "fr": "Bonjour {name}."}})
        customer = customer_with("fr")
        assert text_for(customer) == ("fr", "Bonjour jane.")
        assert patch_customer(customer, language="sw").body["language"] == "sw"

    def test_a_removed_language_falls_back_to_the_default(self) -> None:
        write({"default_language": "en", "created": {"en": EN, "fr": "Bonjour {name}."}})
        customer = customer_with("fr")
        write({"default_language": "en", "created": {"en": EN}}, '"2"')
        assert shown(customer)["language"] == "fr"
        assert text_for(customer)[0] == "en"
        # Neither does a language that ships bring back a wording that the shop removed.
        assert text_for(customer_with("sw"))[0] == "en"

    def test_null_clears_it_and_a_field_left_out_keeps_it(self) -> None:
        customer = customer_with("sw")
        assert patch_customer(customer, name="Jane").body["language"] == "sw"
        cleared = patch_customer(customer, language=None)
        assert (cleared.status, cleared.body["language"], cleared.body["version"]) == (200, None, 3)
        assert shown(customer)["language"] is None

    def test_an_erased_customer_and_their_orders_show_none(self, rows: Rows) -> None:
        customer = customer_with("sw")
        order = create_order(order_for(customer)).body
        erased = call("erase_customer", http_event("POST", "/x", parameters={"customer": customer["id"]}))
        assert (erased.status, erased.body["language"]) == (200, None)
        assert state(order)["language"] is None
        assert "'sw'" not in str(rows("customers") + rows("orders"))

    def test_a_repeated_request_may_leave_out_a_language_of_null(self) -> None:
        body = {"name": "jane", "phone_number": "+254704590344", "email": "j@example.com"}
        key = {"Idempotency-Key": "one"}
        first = create_customer(body | {"language": None}, headers=key)
        assert create_customer(body, headers=key).body == first.body
        assert create_customer(body | {"language": "sw"}, headers=key).body["code"] == "idempotency_key_reused"


class TestPresent:
    """The language is the customer's whenever a text is composed, and the wording the one of that moment."""

    @pytest.fixture
    def waiting(self, provider: FakeProvider, time: Time, rows: Rows) -> dict[str, Any]:
        """An order in Swahili whose text waits because the provider could not be reached."""
        order: dict[str, Any] = create_order(order_for(customer_with("sw"))).body
        provider.answers = [refused(Kind.not_sent, "connect_failed")]
        stream(order, rows=rows)
        return order

    def test_a_waiting_text_follows_its_customers_language_in_the_wording_of_now(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        write()
        patch_customer(waiting["customer"], language="en")
        time.pass_(3600)
        sweep()
        [(_, text)] = provider.sent
        assert text == f"Hello jane, order {waiting['code']}."
        assert (state(waiting)["language"], state(waiting)["text"]) == ("en", text)

    def test_a_waiting_text_stays_as_it_is_when_wording_or_default_change(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        write({"default_language": "en", "created": {"en": EN}})
        time.pass_(3600)
        sweep()
        assert provider.sent == [("+254704590344", waiting["sms"]["text"])]
        assert state(waiting)["language"] == "sw"

    def test_a_text_composed_for_the_default_stays_when_its_customer_has_no_language_still(
        self, provider: FakeProvider, time: Time, rows: Rows
    ) -> None:
        order = create_order(order_for(customer_with(None))).body
        write(OWN | {"default_language": "sw"})
        stream(order, rows=rows)
        assert provider.sent == [("+254704590344", order["sms"]["text"])]

    def test_an_old_picture_of_the_order_sends_in_the_new_language(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        old = store().orders.get(waiting["id"])
        assert old
        patch_customer(waiting["customer"], language=None)
        store().orders.replace(old._replace(version=old.version + 1))
        time.pass_(3600)
        sending.sender().send([old], seconds_left=lambda: 60)
        assert (state(waiting)["language"], provider.sent[0][1][:4]) == ("en", "Dear")
        stored = store().orders.get(waiting["id"])
        assert stored
        assert stored.customer_language is None

    def test_sending_again_composes_in_the_customers_language_of_now(
        self, waiting: dict[str, Any], provider: FakeProvider, time: Time
    ) -> None:
        time.pass_(3600)
        sweep()
        write()
        patch_customer(waiting["customer"], language="en")
        assert again(waiting).body["sms"]["language"] == "en"
        time.pass_(3600)
        sweep()
        assert provider.sent[-1][1] == f"Hello jane, order {waiting['code']}."

    def test_the_preview_has_the_stored_wording_in_the_customers_language(self) -> None:
        write()
        customer = customer_with("sw")
        body = {"item": "x", "amount": "1"}
        preview = call("preview_sms", http_event("POST", "/x", body | {"customer": customer["id"]})).body
        assert preview["text"] == preview["folded"] == "Habari jane, oda XXXX-XXXX."
        assert (
            call("preview_sms", http_event("POST", "/x", body | {"name": "j"})).body["text"]
            == "Hello j, order XXXX-XXXX."
        )

    def test_a_silent_order_gets_its_text_in_the_customers_language(self) -> None:
        order = create_order(order_for(customer_with("sw"), sms=False)).body
        assert order["sms"]["language"] is None
        assert again(order).body["sms"]["language"] == "sw"

    def test_a_forgotten_text_has_no_language(self, waiting: dict[str, Any]) -> None:
        order = store().orders.get(waiting["id"])
        assert order
        assert order.sms.forgotten().content.language is None


def test_an_order_reads_its_customer_and_the_wording_in_one_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = customer_with("sw")
    operations: list[str] = []
    call_once = Connection.call

    def counted(connection: Connection, operation: str, **parameters: Any) -> Any:
        operations.append(operation)
        return call_once(connection, operation, **parameters)

    monkeypatch.setattr(Connection, "call", counted)
    write()
    operations.clear()
    assert text_for(customer)[0] == "sw"
    assert operations == ["batch_get_item", "put_item"]
    operations.clear()
    customer_with("sw")
    customer_with(None)
    assert operations == ["put_item", "put_item"]


def test_an_item_of_the_table_that_is_no_customer_is_none_for_any_id(rows: Rows) -> None:
    write()
    [item] = rows("customers")
    assert item["code"]["S"] == "wording#"
    assert get("get_customer", "customer", "wording#").status == 404
    assert aws_client("dynamodb", "").query(
        TableName="customers", IndexName="by_date", KeyConditionExpression="list_shard = :shard",
        ExpressionAttributeValues={":shard": {"S": "0"}},
    )["Items"] == []  # fmt: skip
