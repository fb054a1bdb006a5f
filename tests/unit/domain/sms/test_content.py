"""The text, what it costs, its states."""

import re
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.delivery_reports import report_cause
from sales.domain.sms.content import clean, compose, render
from sales.domain.sms.folding import fold
from sales.domain.sms.prices import Price, estimate, parse_prices
from sales.domain.sms.segments import costly_characters, measure
from sales.domain.sms.states import Cause, Status, backoff, move
from sales.domain.sms.wording import DEFAULT_TEMPLATE, least_segments, text_template, validate_template

ORDER = {"item": "macbook m2", "currency": "KES", "amount": "56000.68"}
FINAL = {Status.delivered, Status.undelivered, Status.failed, Status.suppressed}


def counted(text: str) -> int:
    """Segments, counted another way: by laying the text out in parts."""
    gsm = set(
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnop"
        "qrstuvwxyzäöñüà"
    )
    extended = set("\f^{}\\[~]|€")
    if set(text) <= gsm | extended:
        units = ["e" + character if character in extended else character for character in text]
        one, part = 160, 153
    else:
        units = [character.encode("utf-16-be") for character in text]  # type: ignore[misc]
        units = ["x" * (len(unit) // 2) for unit in units]
        one, part = 70, 67
    if sum(map(len, units)) <= one:
        return 1
    parts = [0]
    for unit in units:
        if parts[-1] + len(unit) > part:
            parts.append(0)
        parts[-1] += len(unit)
    return len(parts)


ALPHABET = st.text(st.sampled_from("aZ é€]^😀ũ漢\n|@"), max_size=400)


@given(ALPHABET)
def test_segments_agree_with_an_independent_count(text: str) -> None:
    assert measure(text).segments == counted(text)


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("]" * 80, "GSM-7", 1),
        ("]" * 81, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("ũ" * 70, "UCS-2", 1),
        ("ũ" * 71, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 3),
        # In UCS-2 an extension character is one unit like any other.
        ("]" * 71 + "😀", "UCS-2", 2),
        ("]" * 68 + "😀", "UCS-2", 1),
    ],
)
def test_known_texts_are_counted_right(text: str, encoding: str, segments: int) -> None:
    found = measure(text)
    assert (found.encoding, found.segments) == (encoding, segments)


def test_the_default_text_is_the_originals_with_the_name_as_written() -> None:
    text = compose(DEFAULT_TEMPLATE, name="Ng'ang'a Kamau", max_segments=2, **ORDER)
    assert text.text == (
        "Dear Ng'ang'a Kamau, your order for macbook m2 costing KES 56000.68 has been created successfully. "
        "Thank you for choosing us!"
    )
    assert text.segments == 1


def test_a_curly_apostrophe_costs_nothing_once_it_is_folded() -> None:
    written = render(DEFAULT_TEMPLATE, name="Ng’ang’a", **ORDER)
    assert (written.encoding, written.segments) == ("UCS-2", 2)
    assert costly_characters(written.text) == [("’", 7), ("’", 11)]
    sent = compose(DEFAULT_TEMPLATE, name="Ng’ang’a", max_segments=2, **ORDER)
    assert (sent.encoding, sent.segments) == ("GSM-7", 1)
    assert "Ng'ang'a" in sent.text


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("“55” TV”", '"55" TV"'),
        ("a–b—c…", "a-b-c..."),
        ("a\u00a0b\tc", "a b c"),
        ("Wanjikũ", "Wanjiku"),
        ("₦500", "NGN 500"),
        ("₦ 500", "NGN 500"),
        ("a\u200bb\u00adc", "abc"),
        ("crème brûlée", "crème brulée"),
        ("Müller", "Müller"),
        ("fiﬁ", "fifi"),
        ("Jose\u0301 Wanjiku\u0303", "José Wanjiku"),
        ("Ɗanladi Ɓala, Kɔfi Ŋɛ", "Danladi Bala, Kofi Ne"),
        ("½ kg", "1/2 kg"),
        ("क\u093c", "क\u093c"),
        ("😀 漢", "😀 漢"),
        # It stays in UCS-2 whatever is folded, so nothing is gained by writing the name another way.
        ("Wanjikũ 😀…", "Wanjikũ 😀…"),
    ],
)
def test_folding_keeps_what_costs_nothing_and_leaves_what_has_no_equal(written: str, folded: str) -> None:
    assert fold(written) == folded


FOLDED = st.text(st.sampled_from("a ]…™₦ũ’é\u0301\u200b½⒇😀漢"), max_size=200)


@given(st.text(max_size=200) | FOLDED)
@example("😀" + "…" * 40)
@example("™" * 70)
@example("e\u0301" * 70 + "漢")
def test_folding_never_makes_a_text_dearer_and_folds_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert measure(folded).segments <= measure(text).segments
    assert len(costly_characters(folded)) <= len(costly_characters(text))


@given(FOLDED, FOLDED)
def test_a_text_that_need_not_be_shortened_is_no_dearer_than_it_is_written(name: str, item: str) -> None:
    fields = {"name": name, "item": item, "currency": "KES", "amount": "1.00"}
    assert compose("{name}… {item}", max_segments=99, **fields).segments <= render("{name}… {item}", **fields).segments


def test_a_text_that_an_emoji_keeps_in_ucs_2_is_sent_as_it_is_written() -> None:
    text = compose("{name}… {item}", name="Wanjikũ 😀", item="“55” TV", currency="KES", amount="1", max_segments=1)
    assert text.text == "Wanjikũ 😀… “55” TV"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("John\nDoe", "John Doe"),
        ("a\u202eb\x00c", "a b c"),
        ("win at https://evil.example/x now", "win at now"),
        ("www.evil.example", ""),
        ("evil.example/free stuff", "stuff"),
        ("visit evil.example", "visit evil. example"),
        ("  spaced   out ", "spaced out"),
        ("St. John", "St. John"),
        ("J. M. Kamau, Esq.", "J. M. Kamau, Esq."),
        ("evilé.com", "evilé. com"),
        ("evil.com_", "evil. com_"),
        ("pay 41.90.1.2/mpesa now", "pay now"),
        ("41.90.1.2", ""),
        ("1.1.1.1:8080/x", ""),
        ("1.1.1.1, milk", ", milk"),
        ("1.1.1.1.evil.com/x", ""),
        ("１．１．１．１／ｘ", ""),
        ("evil.c0m/x", ""),
        ("evil.c0m", "evil. c0m"),
        ("evil.co.ke:8080/x", ""),
        ("evil.c\ufe0fom", "evil. com"),
        ("evil.c\u034fom", "evil. com"),
        ("evil.c\u200dom/x", ""),
        ("evil.\U000e0063com", "evil. com"),
        ("ｈｔｔｐ：／／evil", ""),
        ("сайт.рф/x", ""),
        ("see:https://evil", "see:"),
    ],
)
def test_customer_data_cannot_carry_lines_or_links_into_a_text(given_name: str, kept: str) -> None:
    assert clean(given_name) == kept


@pytest.mark.parametrize(
    "written",
    [
        "v2.0",
        "v1.2",
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
        "U.S.A",
        "iOS 17.1.2",
        "A.B.C/D",
        "Grace ❤️ 👩‍👩‍👧‍👦 🏳️‍🌈",
    ],
)
def test_what_customers_really_write_stays(written: str) -> None:
    assert clean(written) == written


@pytest.mark.parametrize(
    ("written", "kept"), [("Mr.Smith", "Mr. Smith"), ("Bread.Milk", "Bread. Milk"), ("No.B2", "No. B2")]
)
def test_two_words_with_a_dot_between_get_a_space(written: str, kept: str) -> None:
    assert clean(written) == kept


@given(st.text(max_size=60) | st.text(st.sampled_from("evilcom.:/\u200b．․漢é\u0301 w\ufe0f\u200d😀0129"), max_size=40))
def test_what_is_clean_stays_as_it_is(value: str) -> None:
    assert clean(clean(value)) == clean(value)


@given(st.text(max_size=150), st.text(max_size=120), st.integers(1, 4))
def test_a_text_keeps_to_its_segments_whatever_name_and_item_are(name: str, item: str, most: int) -> None:
    text = compose(DEFAULT_TEMPLATE, name=name, item=item, currency="KES", amount="1.00", max_segments=most)
    assert text.segments <= most
    assert text == measure(text.text)


def test_a_long_item_is_cut_at_a_word_before_the_name_is() -> None:
    item = "a very long description of a thing " * 3
    text = compose(DEFAULT_TEMPLATE, name="John Doe", item=item, currency="KES", amount="1.00", max_segments=1)
    assert text.segments == 1
    assert "John Doe" in text.text
    cut = text.text.split("order for ")[1].split(" costing")[0]
    assert cut.endswith("...")
    assert item.startswith(cut.removesuffix("..."))
    assert item[len(cut) - 3] == " "


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
def test_a_link_cannot_hide_in_characters_that_folding_turns_or_leaves_out(name: str, most: int) -> None:
    text = compose("{name}" + "-" * 60, name=name, item="", currency="KES", amount="1", max_segments=most).text
    assert not re.search(r"evil\.com|://", text), text


# Four numbers with dots, a host with a path, a scheme, a dot before a word.
LINKS = re.compile(
    r"(?<!\d)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\d)|\w\.[a-z]\w{2,}/|://|[^\s.]\.[^\W\d_]\w"
)
UNSEEN = "\u200b\u200c\u200d\u2060\u00ad\u034f\u3164\ufe0f\ufeff\U000e0061"


@given(
    st.text(st.sampled_from(f"evilcom.:/．․。漢é\u0301 w…😀0129②{UNSEEN}"), max_size=60)
    | st.lists(st.sampled_from([*"1../:m 漢", "25", "evil", "com", "://", "ⓒ", "…", *UNSEEN]), max_size=30).map(
        "".join
    ),
    st.integers(1, 3),
)
@example("1.1.1.1999" + "9" * 150, 1)
def test_no_name_carries_a_link_into_a_text(name: str, most: int) -> None:
    text = compose("{name} ordered {item}.", name=name, item=name, currency="KES", amount="1", max_segments=most).text
    seen = "".join(each for each in text if each not in UNSEEN)
    assert not LINKS.search(seen), text


def test_an_item_is_not_cut_for_what_only_the_name_could_mend() -> None:
    text = compose(DEFAULT_TEMPLATE, name="John 😀 Doe", max_segments=1, **ORDER)
    assert text.text.startswith("Dear John..., your order for macbook m2 costing")


def test_a_template_longer_than_allowed_stays_whole() -> None:
    text = compose("x" * 200, name="a", item="b", currency="KES", amount="1", max_segments=1)
    assert text.text == "x" * 200


LONG = "x" * 200 + " {name} {item}"


def test_where_the_template_alone_is_too_long_the_text_has_no_more_segments_than_it_needs() -> None:
    fields = {"name": "Wanjikũ wa " * 13, "item": "a long thing " * 9, "currency": "KES", "amount": "1"}
    assert render(LONG, **fields).segments > 4
    text = compose(LONG, max_segments=1, **fields)
    assert text.segments == least_segments(LONG) == 2
    assert text.text.startswith("x" * 200 + " Wanjiku wa Wanjiku wa")


@given(
    st.sampled_from([LONG, DEFAULT_TEMPLATE, "漢" * 80 + "{name}{item}", "{name}"]),
    st.text(max_size=150),
    st.text(max_size=120),
    st.integers(1, 4),
)
def test_a_text_never_has_more_segments_than_allowed_or_than_its_template_takes(
    template: str, name: str, item: str, most: int
) -> None:
    text = compose(template, name=name, item=item, currency="KES", amount="1", max_segments=most)
    assert text.segments <= max(most, least_segments(template))


WORDS = st.lists(st.text(st.sampled_from("abcũ😀"), min_size=1, max_size=30), min_size=1, max_size=12).map(" ".join)


@given(WORDS, WORDS)
def test_what_is_cut_is_cut_at_a_word_or_is_one_word_and_says_so(name: str, item: str) -> None:
    text = compose("{name}|{item}", name=name, item=item, currency="KES", amount="1", max_segments=1).text
    for whole, kept in zip((name, item), text.split("|"), strict=True):
        if kept not in {whole, _gsm(whole)}:
            assert kept.endswith("...")
            words, of = kept.removesuffix("...").split(" "), (whole.split(" "), _gsm(whole).split(" "))
            assert words in [each[: len(words)] for each in of] or len(words) == 1


def _gsm(text: str) -> str:
    return " ".join(text.replace("ũ", "u").replace("😀", "").split())


def test_a_short_word_is_not_cut_to_a_longer_one() -> None:
    assert compose("x" * 159 + "{name}", name="Ann", item="", currency="", amount="", max_segments=1).text.endswith(
        "xAnn"
    )


@pytest.mark.parametrize(
    "template",
    ["", "  ", "{phone}", "{name", "name}", "{name!r}", "{amount:>10}", "{0}", "{}", "{name.upper}", "a\x00b"],
)
def test_a_template_that_cannot_work_is_refused_with_a_sentence(template: str) -> None:
    with pytest.raises(ValueError, match="SMS text"):
        validate_template(template)


def test_an_empty_template_means_the_usual_one_and_a_good_one_is_taken() -> None:
    assert text_template("") == DEFAULT_TEMPLATE
    assert text_template("Hi {name}: {{ok}}") == "Hi {name}: {{ok}}"


class TestStates:
    def test_final_states_never_go_back_by_themselves(self) -> None:
        # Only a report moves one on: it is proof that the gateway has sent the text.
        forward = {
            (Status.undelivered, Cause.report_success): Status.delivered,
            (Status.failed, Cause.report_interim): Status.sent,
            (Status.failed, Cause.report_failure): Status.undelivered,
            (Status.failed, Cause.report_success): Status.delivered,
        }
        for status in FINAL:
            for cause in set(Cause) - {Cause.requested}:
                assert move(status, cause) is forward.get((status, cause))

    def test_a_suppressed_text_never_moves(self) -> None:
        assert all(move(Status.suppressed, cause) is None for cause in Cause)

    def test_only_a_queued_text_can_be_claimed(self) -> None:
        assert [status for status in Status if move(status, Cause.claimed)] == [Status.queued]

    def test_unknown_is_queued_again_only_by_a_person_or_when_it_certainly_was_not_sent(self) -> None:
        causes = {cause for cause in Cause if move(Status.unknown, cause) is Status.queued}
        assert causes == {Cause.requested, Cause.deferred, Cause.misconfigured}

    def test_a_person_may_ask_again_from_every_settled_state_but_suppressed(self) -> None:
        assert {status for status in Status if move(status, Cause.requested)} == {
            Status.failed,
            Status.unknown,
            Status.undelivered,
            Status.sent,
            Status.delivered,
        }

    @pytest.mark.parametrize(
        "events",
        [
            (Cause.accepted, Cause.report_interim, Cause.report_success),
            (Cause.accepted, Cause.report_failure),
            (Cause.accepted, Cause.report_failure, Cause.report_success, Cause.report_interim),
            (Cause.ambiguous, Cause.report_success, Cause.report_failure),
            (Cause.accepted, Cause.report_success, Cause.report_success),
            (Cause.refused, Cause.report_interim, Cause.report_success),
            (Cause.refused, Cause.report_failure),
        ],
    )
    @pytest.mark.parametrize("start", [Status.sending, Status.unknown])
    def test_answer_and_reports_end_in_the_same_state_in_every_order(
        self, events: tuple[Cause, ...], start: Status
    ) -> None:
        ends = set()
        for order in permutations(events):
            status = start
            for cause in order:
                status = move(status, cause) or status
            ends.add(status)
        assert len(ends) == 1

    @given(st.data())
    def test_any_mix_of_answer_lease_and_reports_ends_in_its_strongest_word_in_any_order(
        self, data: st.DataObject
    ) -> None:
        reports = st.sampled_from([Cause.report_interim, Cause.report_failure, Cause.report_success])
        answers = st.lists(
            st.sampled_from([Cause.accepted, Cause.ambiguous, Cause.lease_expired]), min_size=1, max_size=3
        )
        events = data.draw(answers) + data.draw(st.lists(reports, max_size=6))
        status = Status.sending
        for cause in data.draw(st.permutations(events)):
            status = move(status, cause) or status
        if Cause.report_success in events:
            assert status is Status.delivered
        elif Cause.report_failure in events:
            assert status is Status.undelivered
        elif {Cause.accepted, Cause.report_interim} & set(events):
            assert status is Status.sent
        else:
            assert status is Status.unknown

    @given(st.lists(st.sampled_from([cause for cause in Cause if cause is not Cause.requested]), max_size=30))
    def test_without_a_person_a_text_the_gateway_has_is_never_queued_again(self, causes: list[Cause]) -> None:
        status, taken = Status.queued, False
        for cause in causes:
            status = move(status, cause) or status
            taken = taken or status in {Status.sent, Status.delivered, Status.undelivered}
            assert not (taken and status in {Status.queued, Status.sending})

    @pytest.mark.parametrize(
        ("status", "cause"),
        [
            ("Success", Cause.report_success),
            ("success", Cause.report_success),
            ("Sent", Cause.report_interim),
            ("Buffered", Cause.report_interim),
            ("Submitted", Cause.report_interim),
            ("Failed", Cause.report_failure),
            ("Rejected", Cause.report_failure),
            ("AbsentSubscriber", Cause.report_failure),
            ("Expired", Cause.report_failure),
            ("Anything", None),
        ],
    )
    def test_a_reports_status_is_read_in_either_case(self, status: str, cause: Cause | None) -> None:
        assert report_cause(status) is cause


@given(st.integers(1, 100), st.floats(0, 0.999))
def test_waits_grow_to_an_hour_and_no_further(attempt: int, jitter: float) -> None:
    wait = backoff(attempt, 30, jitter)
    assert min(30 * 2 ** (attempt - 1), 3600) <= wait < 3600 * 1.2 + 1
    assert backoff(attempt, 30, 0) <= backoff(attempt + 1, 30, 0)


def test_the_price_is_that_of_the_longest_prefix() -> None:
    prices = parse_prices('{"+254": "KES 0.80", "+2547000": "KES 1.00", "+1": "USD 0.01"}')
    assert estimate(2, "+254704590344", prices) == Price(Decimal("1.60"), "KES")
    assert estimate(1, "+254700000001", prices) == Price(Decimal("1.00"), "KES")
    assert estimate(1, "+256700000001", prices) is None
    assert parse_prices("") == {}


@pytest.mark.parametrize(
    "prices",
    [
        "[]",
        "x",
        '{"+254": 1}',
        '{"+254": "KES"}',
        '{"+254": "0.80 KES"}',
        '{"254": "KES 0.80"}',
        '{"+254": "KES NaN"}',
        '{"+254": "KES -1"}',
        '{"+254": "kes 1"}',
    ],
)
def test_a_price_list_that_is_none_is_refused(prices: str) -> None:
    with pytest.raises(ValueError, match="SMS prices"):
        parse_prices(prices)
