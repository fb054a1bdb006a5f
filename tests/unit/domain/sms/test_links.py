"""Addresses that phones turn into links get a space, and nothing else changes."""

import re
from importlib import resources

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.sms.content import clean
from sales.domain.sms.folding import fold_all
from sales.domain.sms.wording import DEFAULT_TEMPLATE
from tests.support.texts import compose

# IANA's list of endings, as Hypothesis ships it: in ASCII, and as people write them.
PUBLISHED = (
    resources.files("hypothesis.vendor").joinpath("tlds-alpha-by-domain.txt").read_text().split("\n", 1)[1].split()
)
ENDINGS = [ending.lower() for ending in PUBLISHED]
ENDINGS += [ending.encode().decode("idna") for ending in ENDINGS if ending.startswith("xn--")]
DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
UNSEEN = "\u200b\u200c\u200d\u2060\u00ad\u034f\u3164\ufe0f\ufeff\U000e0061"
# Links, read more widely than any phone does: a scheme, a host with a published ending, four octets.
OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])"
LINK = re.compile(
    rf"://|www[0-9]*\.[^\s.]|(?<![0-9.])(?:{OCTET}\.){{3}}{OCTET}(?![0-9])"
    rf"|[^\s{DOTS}][{DOTS}](?:{'|'.join(sorted(ENDINGS, key=len, reverse=True))})(?!\w)",
    re.IGNORECASE,
)


def links(text: str) -> list[str]:
    return LINK.findall("".join(character for character in text if character not in UNSEEN))


def test_the_list_of_endings_is_the_published_one() -> None:
    assert len(ENDINGS) > 1_500
    assert {"com", "ke", "рф", "भारत", "ලංකා", "онлайн", "google"} <= set(ENDINGS)
    for text in (
        "evil.com",
        "Evil.KE/x",
        "a@evil.co.ke",
        "evil。рф",
        "evil.भारत",
        "http://x",
        "www.x",
        "1.2.3.4",
        "x.\u200bke",
    ):
        assert links(text), text
    assert not links("Mr. Smith, 1.250 KES, v1.2, 2.5kg/bag, evil. com")


def test_no_published_ending_makes_a_link() -> None:
    for ending in ENDINGS:
        for host in ("evil.{}", "shop-1.evil.{}/pay?x=1", "a@evil.{}", "إ.{}:80", "1.{}"):
            for written in (host.format(ending), host.format(ending).upper()):
                assert links(clean(written)) == [], written


PIECES = st.sampled_from(
    [
        *"1../:@m 漢-_é́①",
        *DOTS,
        *UNSEEN,
        "25",
        "evil",
        "com",
        "://",
        "https",
        "www",
        "ⓒⓞⓜ",
        "ｃｏｍ",
        "…",
        "255.",
        "₦",
        "™",
        "ke",
        "भारत",
        "рф",
        "😀",
        "Smith",
        "1.1.1.",
    ]
)
VALUES = st.lists(PIECES, max_size=20).map("".join) | st.lists(PIECES | st.sampled_from(ENDINGS), max_size=8).map(
    "".join
)


@given(VALUES, VALUES, st.integers(1, 3))
@example("1.1.1.1999" + "9" * 150, "x", 1)
@example("evil.\u0301com", "evil.ⓒⓞⓜ 😀", 1)
@example("evil.😀com", "evil.漢com 漢 " * 9, 1)
@example("evil.com" * 30, "x.ke " * 60, 1)
@example("1www.1", "ewww.2", 1)
def test_no_name_or_item_carries_a_link_into_a_text(name: str, item: str, most: int) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most).text
    assert links(text.replace("KES 1.00", "")) == []


@given(VALUES)
def test_defusing_adds_spaces_and_loses_nothing(value: str) -> None:
    cleaned = clean(value)
    assert clean(cleaned) == cleaned
    seen = "".join(character for character in fold_all(cleaned) if character.isalnum())
    assert seen == "".join(character for character in fold_all(value) if character.isalnum())


@pytest.mark.parametrize(
    ("written", "defused"),
    [
        ("Vol.II/III", "Vol. II/III"),
        ("Kg.Rice/beans", "Kg. Rice/beans"),
        ("Asst.Colours/sizes", "Asst. Colours/sizes"),
        ("P.O.Box/Key", "P.O. Box/Key"),
        ("Mt.Kenya/Coffee beans 500g", "Mt. Kenya/Coffee beans 500g"),
        ("Men's T.Shirt/XL", "Men's T. Shirt/XL"),
        ("Reg.KDA/123A side mirror", "Reg. KDA/123A side mirror"),
        ("TZS 1.000.000.000 voucher", "TZS 1 000 000 000 voucher"),
        ("1.1.1.1.1.1.1", "1.1.1. 1.1.1. 1"),
        ("iOS 17.1.2.3", "iOS 17.1.2. 3"),
        ("1.2.100.200", "1.2.100. 200"),
        ("Mr.Smith", "Mr. Smith"),
        ("Bread.Milk", "Bread. Milk"),
        ("No.B2", "No. B2"),
        ("www.mamakesho.co.ke", "www .mamakesho. co. ke"),
        ("WWW2.Evil.example", "WWW2 .Evil. example"),
        ("win at https://evil.example/x now", "win at https: //evil. example/x now"),
        ("see:https://evil", "see:https: //evil"),
        ("call jane@evil.example", "call jane@evil. example"),
        ("pay 41.90.1.2/mpesa now", "pay 41.90.1. 2/mpesa now"),
        ("1.1.1.1:8080/x, milk", "1.1.1. 1:8080/x, milk"),
        ("１．１．１．１／ｘ", "1.1.1. 1/x"),
        ("ｈｔｔｐ：／／evil", "http: //evil"),
        ("evil.c0m/x", "evil. c0m/x"),
        ("evilé.com_", "evilé. com_"),
        ("сайт.рф/x", "сайт. рф/x"),
        ("ev.भारत", "ev. भारत"),
    ],
    ids=ascii,
)
def test_what_could_be_a_link_gets_a_space(written: str, defused: str) -> None:
    assert clean(written) == defused


@pytest.mark.parametrize(
    "written",
    [
        "v2.0",
        "55.5",
        '55.5" TV',
        "2.0/3",
        "1.250",
        "1.250/=",
        "KES 1.250.000,00",
        "1.250.500.000",
        "2.5kg/bag",
        "1.5L/2",
        "No.12/3",
        "Cement 42.5N/50kg",
        "and/or, w/o, 24/7",
        "10:30",
        "2:1 ratio",
        "Size:XL",
        "U.S.A",
        "iOS 17.1.2",
        "A.B.C/D",
        "St. John",
        "J. M. Kamau, Esq.",
        "wwww",
        "Hmm... OK",
    ],
)
def test_what_people_really_order_stays_as_it_is(written: str) -> None:
    assert clean(written) == written


DISGUISED = [
    "ｅｖｉｌ．ｃｏｍ",
    "evil.\u200bcom",
    "evil\u2024com",
    "https:\u200b//evil.com/x",
    "evil.漢com",
    "evil.\u0301com",
    "evil.\u0301com 😀",
    "evil.ⓒⓞⓜ 😀",
    "evil.c\ufe0fom",
    "evil.c\u034fom",
    "evil.c\u200dom",
    "evil.\u3164com",
    "evil\u2024com 😀",
]


@pytest.mark.parametrize("name", DISGUISED, ids=ascii)
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_link_cannot_hide_in_characters_that_folding_changes_or_drops(name: str, most: int) -> None:
    text = compose("{name}" + "-" * 60, name=name, item="x", currency="KES", amount="1", max_segments=most).text
    assert not re.search(r"evil\.com|://", text), text
