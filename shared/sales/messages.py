"""An order's SMS: its text, what that text costs, its states and the moves allowed between them. Pure."""

import json
import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

__all__ = [
    "DEFAULT_TEMPLATE",
    "Cause",
    "Price",
    "Status",
    "Text",
    "backoff",
    "clean",
    "compose",
    "costly_characters",
    "estimate",
    "fold",
    "is_message_id",
    "least_segments",
    "measure",
    "move",
    "parse_prices",
    "render",
    "report_cause",
    "text_template",
    "validate_template",
]

# ---- States


class Status(StrEnum):
    """Where an order's SMS stands."""

    queued = "queued"
    sending = "sending"
    sent = "sent"
    delivered = "delivered"
    undelivered = "undelivered"
    failed = "failed"
    unknown = "unknown"
    suppressed = "suppressed"


class Cause(StrEnum):
    """What happened to an SMS."""

    claimed = "claimed"
    accepted = "accepted"
    refused = "refused"
    deferred = "deferred"
    exhausted = "exhausted"
    ambiguous = "ambiguous"
    lease_expired = "lease_expired"
    misconfigured = "misconfigured"
    report_interim = "report_interim"
    report_success = "report_success"
    report_failure = "report_failure"
    opted_out = "opted_out"
    cancelled = "cancelled"
    requested = "requested"


# What the gateway's answer does to a text whose sender waits for it, or came too late and was given up.
_ANSWERS = {
    Cause.accepted: Status.sent,
    Cause.refused: Status.failed,
    Cause.deferred: Status.queued,
    Cause.exhausted: Status.failed,
    Cause.misconfigured: Status.queued,
}
# A report is proof that the gateway has the text, whoever is faster; success is the last word, since a phone that
# was off may be on later.
_REPORTS = {
    Cause.report_interim: Status.sent,
    Cause.report_failure: Status.undelivered,
    Cause.report_success: Status.delivered,
}
_AGAIN = {Cause.requested: Status.queued}
_MOVES: Mapping[Status, Mapping[Cause, Status]] = {
    Status.queued: {
        Cause.claimed: Status.sending,
        Cause.opted_out: Status.suppressed,
        Cause.cancelled: Status.suppressed,
    },
    Status.sending: {
        **_ANSWERS,
        **_REPORTS,
        Cause.ambiguous: Status.unknown,
        Cause.lease_expired: Status.unknown,
    },
    Status.unknown: {**_ANSWERS, **_REPORTS, **_AGAIN},
    Status.sent: {Cause.report_failure: Status.undelivered, Cause.report_success: Status.delivered, **_AGAIN},
    Status.undelivered: {Cause.report_success: Status.delivered, **_AGAIN},
    Status.delivered: _AGAIN,
    # Refused for good, and yet there is a report: a text that was held back for review (RiskHold) was let go.
    Status.failed: {**_REPORTS, **_AGAIN},
    Status.suppressed: {},
}


def move(status: Status, cause: Cause) -> Status | None:
    """The state after this happened; none when it changes nothing: late, repeated, out of order, not allowed.

    Reports and the answer end in the same state in whatever order they come.
    """
    return _MOVES[status].get(cause)


# Africa's Talking's statuses (its documentation, SMS delivery reports), in lower case.
_REPORT_CAUSES = {
    "sent": Cause.report_interim,
    "submitted": Cause.report_interim,
    "buffered": Cause.report_interim,
    "success": Cause.report_success,
    "failed": Cause.report_failure,
    "rejected": Cause.report_failure,
    "absentsubscriber": Cause.report_failure,
    "expired": Cause.report_failure,
}


_MESSAGE_ID = re.compile("ATXid_[A-Za-z0-9_-]{1,64}")


def is_message_id(text: str) -> bool:
    """Whether this has the shape of Africa's Talking's message ids: what has not is nobody's, and may be anything."""
    return _MESSAGE_ID.fullmatch(text) is not None


def report_cause(at_status: str) -> Cause | None:
    """What a delivery report's status means; none for one nobody has told us of."""
    return _REPORT_CAUSES.get(at_status.strip().lower())


_HOUR, _JITTER = 3600.0, 0.2
# Between two tries of one text.
LONGEST_WAIT_SECONDS = _HOUR * (1 + _JITTER)


def backoff(attempt: int, first_seconds: float, jitter: float) -> float:
    """Seconds to the next try after this many: doubling, an hour at the most; `jitter` in [0, 1) adds up to a fifth."""
    return min(first_seconds * 2.0 ** min(attempt - 1, 30), _HOUR) * (1 + jitter * _JITTER)


# ---- Encoding and segments (3GPP TS 23.038, 23.040)

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM_7 = _BASIC | _EXTENSION
_ONE, _PART = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Text:
    """A text, its encoding, and how many segments it is billed as."""

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int


def measure(text: str) -> Text:
    """The text with its encoding and segments.

    A character of GSM-7's extension takes two septets and one beyond the basic plane two UTF-16 units; neither is
    ever split over two segments.
    """
    encoding: Literal["GSM-7", "UCS-2"]
    if _GSM_7.issuperset(text):
        encoding = "GSM-7"
        sizes = [2 if character in _EXTENSION else 1 for character in text]
    else:
        encoding = "UCS-2"
        sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    if sum(sizes) <= _ONE[encoding]:
        return Text(text, encoding, 1)
    segments, used = 1, 0
    for size in sizes:
        if used + size > _PART[encoding]:
            segments, used = segments + 1, 0
        used += size
    return Text(text, encoding, segments)


def costly_characters(text: str) -> list[tuple[str, int]]:
    """Each character that forces UCS-2, with its position in code points."""
    return [(character, position) for position, character in enumerate(text) if character not in _GSM_7]


_MONEY = {"₦": "NGN ", "₵": "GHS ", "₹": "INR "}
_FOLDS = {
    **dict.fromkeys("‘’‚‛′ʼʹ`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " "),
    **dict.fromkeys("\u00ad\u200b\u200c\u2060\ufeff", ""),
    "…": "...",
    "•": "-",
    "·": "-",
    "×": "x",
    **_MONEY,
    "®": "(R)",
    "©": "(C)",
    "™": "(TM)",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "œ": "oe",
    "Œ": "OE",
    "þ": "th",
    "ð": "d",
    # Letters of Hausa, Akan, Ewe and others that no accent's removal turns into one of GSM-7's.
    "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y", "ŋ": "n", "Ŋ": "N",
    "ɔ": "o", "Ɔ": "O", "ɛ": "e", "Ɛ": "E", "ħ": "h", "Ħ": "H",
    "⁄": "/",
}  # fmt: skip


def fold(text: str) -> str:
    """The text with each character outside GSM-7 replaced by its equal inside, where that makes it no dearer.

    Quotes, dashes, spaces, and letters with accents that GSM-7 lacks have one. Where an emoji or another script keeps
    the text in UCS-2 anyway, folding can only lengthen it: such a text stays as it is written, unless it gets cheaper.
    """
    if (equal := _folded(text)) == text:
        return text
    written, folded = measure(text), measure(equal)
    gained = written.segments - folded.segments
    return folded.text if gained > 0 or (gained == 0 and folded.encoding == "GSM-7") else text


def _folded(text: str) -> str:
    if _GSM_7.issuperset(text):
        return text
    import unicodedata

    folded: list[str] = []
    before = ""
    for character in text:
        if character == " " and before in _MONEY:
            pass  # the equal of a currency's sign ends with a space itself
        elif character in _GSM_7:
            folded.append(character)
        elif character in _FOLDS:
            folded.extend(_FOLDS[character])
        elif unicodedata.combining(character) and folded and folded[-1] in _BASIC:
            # An accent written after its letter, as some systems store names: one of GSM-7's letters, or none.
            composed = unicodedata.normalize("NFC", folded[-1] + character)
            folded[-1] = composed if composed in _BASIC else folded[-1]
        else:
            plain = "".join(
                _FOLDS.get(part, part)
                for part in unicodedata.normalize("NFKD", character)
                if not unicodedata.combining(part)
            )
            keeps = plain and _GSM_7.issuperset(plain)
            folded.extend(plain if keeps else character)
        before = character
    return "".join(folded)


# ---- Composing

DEFAULT_TEMPLATE = (
    "Dear {name}, your order for {item} costing {currency} {amount} has been created successfully. "
    "Thank you for choosing us!"
)
_PLACEHOLDERS = frozenset({"name", "item", "currency", "amount"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties), but for what is a control here: they are not seen, so
# whatever is behind them looks like a link all the same. In an emoji two of them join its parts, and stay.
_EMOJI = r"[\u2190-\u2bff\U0001f000-\U0001faff]"
_UNSEEN = re.compile(
    rf"(?<!{_EMOJI})\ufe0f|(?<!{_EMOJI})(?<!{_EMOJI}\ufe0f)\u200d"
    r"|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u2060-\u2065\u206a-\u206f\u3164"
    r"\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Letters, digits and punctuation of full width, and the full stops that a host's name may be written with (UTS #46).
_WIDTHS = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | dict.fromkeys(map(ord, "․。﹒｡"), ".")
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_LINK = re.compile(
    r"[^\s:]*://\S*"
    r"|\bwww\.\S*"
    # A host with a path. Its last label begins with a letter: `2.5kg/bag` and `No.12/3` are none.
    r"|(?:[\w-]+\.)+[^\W\d_](?:[^\W\d_]|[\w-]{2})[\w-]*(?::\d*)?/\S*"
    # An address by its numbers, with port and path; also the beginning of one, since a long word may be cut there.
    rf"|(?<!\d){_OCTET}(?:\.{_OCTET}){{2}}(?:\.\d+)+(?:[:/?#]\S*)?",
    re.IGNORECASE,
)
# A dot with a letter of any script right behind it, and more, is what phones make a link of: `evil.example`.
_DOMAIN = re.compile(r"(?<=[^\s.])\.(?=[^\W\d_][\w-])")


def validate_template(template: str) -> None:
    """Raises ValueError, saying what is wrong, unless every text can be made from this template."""
    if not template.strip():
        raise ValueError("the SMS text is empty")
    if _CONTROL.search(template.replace("\n", "")):
        raise ValueError("the SMS text has a control character")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the SMS text's braces do not match: {error}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in _PLACEHOLDERS or spec or conversion):
            raise ValueError(f"the SMS text may only have {{{'}, {'.join(sorted(_PLACEHOLDERS))}}}, not {{{name}}}")


def text_template(configured: str) -> str:
    """The template to use: the configured one, else the original's. Raises ValueError for one that is not valid."""
    if not configured:
        return DEFAULT_TEMPLATE
    validate_template(configured)
    return configured


def clean(value: str) -> str:
    """A customer's own words, fit for a text: one line, no control characters, nothing a phone would make a link.

    What is a link beyond doubt (an address with a path, four numbers with dots) is left out; a dot between two words
    (`evil.example`, but also `Mr.Smith`) gets a space. Amounts, sizes and versions stay: `1.250`, `2.5kg/bag`, `v1.2`.
    """
    value = _UNSEEN.sub("", _CONTROL.sub(" ", value)).translate(_WIDTHS)
    value = _LINK.sub(" ", value)
    value = _DOMAIN.sub(". ", value)
    return " ".join(value.split())


def _worded(value: str) -> str:
    """The value cleaned, so that it stays clean however it is folded."""
    value = clean(value)
    folded = _folded(value)
    # What looks like no link as it is written (letters in circles, accents on a dot) may be one afterwards.
    return value if clean(folded) == " ".join(folded.split()) else clean(folded)


def render(template: str, *, name: str, item: str, currency: str, amount: str) -> Text:
    """The text as template and data make it, before folding and shortening."""
    return measure(template.format(name=clean(name), item=clean(item), currency=currency, amount=amount))


def least_segments(template: str) -> int:
    """How many segments a text from this template has at least, whatever name, item and amount are."""
    return measure(fold(template.format(name="a", item="a", currency="KES", amount="1"))).segments


def compose(template: str, *, name: str, item: str, currency: str, amount: str, max_segments: int) -> Text:
    """The text a customer gets: values cleaned, folded, at most `max_segments`, or as few as can be had.

    The name stands as it is written, apart from folding. A text that is too long is shortened in this order: the
    item, then the name, each at the end of a word and marked with "..."; a single word is cut only when it alone is
    too long, and the item gets back what room a shorter name makes. If that is not enough, characters outside GSM-7
    are left out of item and name first. The template's own words are never touched; where they alone take more than
    is allowed, the text is shortened to what they take.
    """
    name, item = _worded(name), _worded(item)

    def made(name: str, item: str) -> Text:
        return measure(fold(template.format(name=name, item=item, currency=currency, amount=amount)))

    text = made(name, item)
    if text.segments <= max_segments:
        return text
    plain_name, plain_item = _plain(name), _plain(item)
    most = max(max_segments, made(_shortest(plain_name), _shortest(plain_item)).segments)

    def shortened(name: str, whole: str) -> Text:
        def fits(name: str, item: str) -> bool:
            return made(name, item).segments <= most

        item = _longest(whole, lambda shorter: fits(name, shorter))
        if not fits(name, item):
            name = _longest(name, lambda shorter: fits(shorter, item))
            item = _longest(whole, lambda shorter: fits(name, shorter))
        return made(name, item)

    text = shortened(name, item)
    return text if text.segments <= most else shortened(plain_name, plain_item)


def _plain(value: str) -> str:
    # Cleaned again: what was dropped may have been all that kept two halves of a link apart.
    return clean("".join(each for each in _folded(value) if each in _GSM_7))


def _shortenings(value: str) -> Iterator[str]:
    """The value, then ever shorter: by its last words, then by the first one's last letters."""
    words = value.split(" ")
    yield value
    for count in range(len(words) - 1, 0, -1):
        yield " ".join(words[:count]) + "..."
    for length in range(len(words[0]) - 1, 0, -1):
        yield words[0][:length] + "..."


def _longest(value: str, fits: Callable[[str], bool]) -> str:
    """The longest shortening of the value that fits, else the shortest there is."""
    shorter = (each for each in _shortenings(value) if each == value or len(each) < len(value))
    return next((each for each in shorter if fits(each)), _shortest(value))


def _shortest(value: str) -> str:
    return min(_shortenings(value), key=len)


# ---- Prices

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Price:
    """What a text is likely to cost."""

    amount: Decimal
    currency: str


def parse_prices(configured: str) -> dict[str, Price]:
    """The price of a segment by dialling prefix, from JSON such as `{"+254": "KES 0.80"}`. Raises ValueError."""
    try:
        found = json.loads(configured or "{}")
        prices = {}
        for prefix, price in found.items():
            currency, _, amount = price.partition(" ")
            if not (_PREFIX.fullmatch(prefix) and _CURRENCY.fullmatch(currency) and _AMOUNT.fullmatch(amount)):
                raise ValueError
            prices[prefix] = Price(Decimal(amount), currency)
    except (ValueError, AttributeError):
        raise ValueError('the SMS prices are not JSON such as {"+254": "KES 0.80"}') from None
    return prices


def estimate(segments: int, number: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of that many segments to this number, by the longest prefix that has one."""
    for length in range(len(number), 0, -1):
        if price := prices.get(number[:length]):
            return Price(price.amount * segments, price.currency)
    return None
