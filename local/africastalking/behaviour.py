"""How the SMS sandbox behaves: its answers, its latency, its delivery reports. Pure.

A PUT replaces the whole behaviour. Each request uses up one answer of `script`; after that, `default` applies.

| answer          | the text is | what the caller gets                                                        |
|-----------------|-------------|-----------------------------------------------------------------------------|
| `accept`        | recorded    | 201; magic numbers, opted-out numbers and unknown sender ids are refused     |
| `accept_charset`| recorded    | the same as `application/json; charset=UTF-8`, of which the SDK makes a str |
| `status:<code>` | by its code | the recipient's statusCode: 100..102 take the text, every other refuses it  |
| `http:<code>`   | refused     | this HTTP status with the words that go with it                             |
| `bad_key`       | refused     | 401, as with a wrong API key                                                |
| `bad_sender`    | refused     | 201 InvalidSenderId, without recipients                                     |
| `redirect`      | refused     | 307 to another host, which notes whether the API key comes along            |
| `drop_before`   | refused     | the connection is closed                                                    |
| `drop_after`    | recorded    | the connection is closed                                                    |
| `hang_after`    | recorded    | nothing, until the caller gives up                                          |
| `http503_after` | recorded    | 503: akka-http's own answer to a request that takes longer than 20 s         |
| `http504_after` | recorded    | 504 and a page of HTML: the load balancer's answer after its own time        |
| `garbage_after` | recorded    | 201 and half of the JSON                                                    |
| `html_after`    | recorded    | 201 and a page of HTML                                                      |
| `drip`          | recorded    | the right answer, a byte each half second                                   |

With the last seven, numbers and sender ids that `accept` refuses are refused in the same way, and that answer arrives.

| delivery       | reports on each recorded text                                                                   |
|----------------|--------------------------------------------------------------------------------------------------|
| `success`      | Submitted, Success                                                                               |
| `failed`       | Submitted, Failed (DeliveryFailure)                                                              |
| `absent`       | Submitted, AbsentSubscriber                                                                      |
| `none`         | none                                                                                             |
| `duplicate`    | Submitted, Success, Success                                                                      |
| `out_of_order` | Success, Submitted                                                                               |
| `before_answer`| Success, answered before the text itself is                                                      |
| `stages`       | Sent, Submitted, Success                                                                         |
| `buffered`     | Buffered, Success                                                                                |
| `late`         | Submitted, AbsentSubscriber, Success: the phone was off for a while                              |
| `expired`      | Submitted, Expired                                                                               |
| `rejected`     | Submitted, Rejected (UserAccountSuspended)                                                       |
| `blacklisted`  | Submitted, Rejected (UserInBlackList): the customer is opted out by it                           |
| `unknown_id`   | Submitted, and a Success with a message id that no one has                                       |
| `wrong_number` | Submitted, and a Success with another number                                                     |
| `wrong_token`  | Submitted, and a Success to an address with another secret, posted once                          |

`delivery_delay_ms` counts from the answer to the report with the text's outcome. With `live`, accepted texts are answered
as a paid account answers them: `messageParts` on the recipient, and the total in its currency. `balance` is what the account
holds, such as "KES 2.40": each accepted text lowers it by its cost, and `accept` refuses a text that costs more than what is left
(405 InsufficientBalance).
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from local.africastalking.answers import Balance

__all__ = ["DELIVERIES", "LOST", "Behaviour", "PlannedReport", "read_behaviour"]

# Answers that never reach the caller in one piece, although the text was accepted.
LOST: Final = frozenset(
    {"drop_after", "hang_after", "http503_after", "http504_after", "garbage_after", "html_after", "drip"}
)
_PLAIN: Final = ("accept", "accept_charset", "bad_key", "bad_sender", "redirect", "drop_before", *sorted(LOST))
_CODED: Final = re.compile(r"status:[1-9][0-9]{2}|http:[2-5][0-9]{2}", re.ASCII)
_LONGEST_SCRIPT: Final = 100_000
_LONGEST_WAIT_MS: Final = 600_000


@dataclass(frozen=True)
class PlannedReport:
    """A delivery report to come: its status, when it is due as a fraction of the delay, and its forged part, if any."""

    at: float
    status: str
    failure_reason: str | None = None
    forged: Literal["id", "number", "token"] | None = None


_SUBMITTED = PlannedReport(0.5, "Submitted")
_SUCCESS = PlannedReport(1, "Success")
DELIVERIES: Final[dict[str, tuple[PlannedReport, ...]]] = {
    "success": (_SUBMITTED, _SUCCESS),
    # The real sandbox reports this for a number whose simulator is not signed in.
    "failed": (_SUBMITTED, PlannedReport(1, "Failed", "DeliveryFailure")),
    "absent": (_SUBMITTED, PlannedReport(1, "AbsentSubscriber")),
    "none": (),
    "duplicate": (_SUBMITTED, _SUCCESS, PlannedReport(1.5, "Success")),
    "out_of_order": (_SUCCESS, PlannedReport(1.5, "Submitted")),
    "before_answer": (_SUCCESS,),
    "stages": (PlannedReport(0.3, "Sent"), PlannedReport(0.6, "Submitted"), _SUCCESS),
    "buffered": (PlannedReport(0.5, "Buffered"), _SUCCESS),
    "late": (_SUBMITTED, PlannedReport(1, "AbsentSubscriber"), PlannedReport(2, "Success")),
    "expired": (_SUBMITTED, PlannedReport(1, "Expired")),
    "rejected": (_SUBMITTED, PlannedReport(1, "Rejected", "UserAccountSuspended")),
    "blacklisted": (_SUBMITTED, PlannedReport(1, "Rejected", "UserInBlackList")),
    "unknown_id": (_SUBMITTED, PlannedReport(1, "Success", forged="id")),
    "wrong_number": (_SUBMITTED, PlannedReport(1, "Success", forged="number")),
    "wrong_token": (_SUBMITTED, PlannedReport(1, "Success", forged="token")),
}


@dataclass(frozen=True)
class Behaviour:
    """The sandbox's behaviour; see the module's tables."""

    script: tuple[str, ...] = ()
    default: str = "accept"
    latency_ms: int = 0
    delivery: str = "success"
    delivery_delay_ms: int = 300
    live: bool = False
    balance: str = "KES 1000000.00"

    def document(self) -> dict[str, Any]:
        """Return the JSON document of GET and PUT."""
        return {**asdict(self), "script": list(self.script)}


def read_behaviour(document: object) -> Behaviour:
    """Return the behaviour that a JSON document describes, with defaults for the fields that it leaves out.

    Raise ValueError with a sentence for people.
    """
    if not isinstance(document, dict):
        raise ValueError("The behaviour must be a JSON object.")  # noqa: TRY004 - callers expect ValueError
    defaults = Behaviour().document()
    if unknown := sorted(str(name) for name in document if name not in defaults):
        raise ValueError(f"Unknown: {', '.join(unknown)}. A behaviour has {', '.join(defaults)}.")
    fields = defaults | document
    script = fields["script"]
    if not isinstance(script, list) or len(script) > _LONGEST_SCRIPT:
        raise ValueError(f"script must be a list of at most {_LONGEST_SCRIPT} answers.")
    for name in (*script, fields["default"]):
        if not isinstance(name, str) or (name not in _PLAIN and not _CODED.fullmatch(name)):
            raise ValueError(f"{name!r} is not an answer. Answers: {', '.join(_PLAIN)}, status:<code>, http:<code>.")
    if not isinstance(fields["delivery"], str) or fields["delivery"] not in DELIVERIES:
        raise ValueError(f"delivery must be one of {', '.join(DELIVERIES)}.")
    Balance.read(str(fields["balance"]))
    if type(fields["live"]) is not bool:
        raise ValueError("live must be true or false.")
    for name in ("latency_ms", "delivery_delay_ms"):
        value = fields[name]
        if type(value) is not int or not 0 <= value <= _LONGEST_WAIT_MS:
            raise ValueError(f"{name} must be a whole number of milliseconds, 0 to {_LONGEST_WAIT_MS}.")
    return Behaviour(**{**fields, "script": tuple(script)})
