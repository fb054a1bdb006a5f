"""How the SMS sandbox is told to behave: its answers, its latency, its delivery reports. Pure.

A behaviour is replaced as a whole. `script` is used up one answer per request; then `default` holds.

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

The last seven are refused as with `accept` where a number or sender id is: what is refused has no lost answer.

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
| `unknown_id`   | Submitted, and a Success with a message id that nobody was given                                 |
| `wrong_number` | Submitted, and a Success with another number                                                     |
| `wrong_token`  | Submitted, and a Success to an address with another secret, posted once                          |

`delivery_delay_ms` counts from the answer to the report that says what became of the text. With `live` an accepted text
is answered as an account of one's own answers it: `messageParts` on the recipient, the total in its currency.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = ["DELIVERIES", "LOST", "Behaviour", "Report", "read_behaviour"]

# Answers that never reach the caller in one piece, though the text was taken.
LOST: Final = frozenset(
    {"drop_after", "hang_after", "http503_after", "http504_after", "garbage_after", "html_after", "drip"}
)
_PLAIN: Final = ("accept", "accept_charset", "bad_key", "bad_sender", "redirect", "drop_before", *sorted(LOST))
_CODED: Final = re.compile(r"status:[1-9][0-9]{2}|http:[2-5][0-9]{2}", re.ASCII)
_LONGEST_SCRIPT: Final = 100_000
_LONGEST_WAIT_MS: Final = 600_000


@dataclass(frozen=True)
class Report:
    """A delivery report: its status, when it is due, as a part of the delay, and what about it is not the text's own."""

    at: float
    status: str
    failure_reason: str | None = None
    strange: Literal["id", "number", "token"] | None = None


_SUBMITTED = Report(0.5, "Submitted")
_SUCCESS = Report(1, "Success")
DELIVERIES: Final[dict[str, tuple[Report, ...]]] = {
    "success": (_SUBMITTED, _SUCCESS),
    # What the real sandbox says of a number whose simulator is not signed in.
    "failed": (_SUBMITTED, Report(1, "Failed", "DeliveryFailure")),
    "absent": (_SUBMITTED, Report(1, "AbsentSubscriber")),
    "none": (),
    "duplicate": (_SUBMITTED, _SUCCESS, Report(1.5, "Success")),
    "out_of_order": (_SUCCESS, Report(1.5, "Submitted")),
    "before_answer": (_SUCCESS,),
    "stages": (Report(0.3, "Sent"), Report(0.6, "Submitted"), _SUCCESS),
    "buffered": (Report(0.5, "Buffered"), _SUCCESS),
    "late": (_SUBMITTED, Report(1, "AbsentSubscriber"), Report(2, "Success")),
    "expired": (_SUBMITTED, Report(1, "Expired")),
    "rejected": (_SUBMITTED, Report(1, "Rejected", "UserAccountSuspended")),
    "blacklisted": (_SUBMITTED, Report(1, "Rejected", "UserInBlackList")),
    "unknown_id": (_SUBMITTED, Report(1, "Success", strange="id")),
    "wrong_number": (_SUBMITTED, Report(1, "Success", strange="number")),
    "wrong_token": (_SUBMITTED, Report(1, "Success", strange="token")),
}


@dataclass(frozen=True)
class Behaviour:
    """How the sandbox behaves; see the module's tables."""

    script: tuple[str, ...] = ()
    default: str = "accept"
    latency_ms: int = 0
    delivery: str = "success"
    delivery_delay_ms: int = 300
    live: bool = False

    def document(self) -> dict[str, Any]:
        """As it is put and got."""
        return {**asdict(self), "script": list(self.script)}


def read_behaviour(document: object) -> Behaviour:
    """The behaviour that a JSON document describes; what it does not name has its default.

    Raises ValueError with a sentence for people.
    """
    if not isinstance(document, dict):
        raise ValueError("The behaviour must be a JSON object.")  # noqa: TRY004 - what this function promises
    known = Behaviour().document()
    if strangers := sorted(str(name) for name in document if name not in known):
        raise ValueError(f"Unknown: {', '.join(strangers)}. A behaviour has {', '.join(known)}.")
    given = known | document
    script = given["script"]
    if not isinstance(script, list) or len(script) > _LONGEST_SCRIPT:
        raise ValueError(f"script must be a list of at most {_LONGEST_SCRIPT} answers.")
    for name in (*script, given["default"]):
        if not isinstance(name, str) or (name not in _PLAIN and not _CODED.fullmatch(name)):
            raise ValueError(f"{name!r} is no answer. Answers: {', '.join(_PLAIN)}, status:<code>, http:<code>.")
    if not isinstance(given["delivery"], str) or given["delivery"] not in DELIVERIES:
        raise ValueError(f"delivery must be one of {', '.join(DELIVERIES)}.")
    if type(given["live"]) is not bool:
        raise ValueError("live must be true or false.")
    for name in ("latency_ms", "delivery_delay_ms"):
        value = given[name]
        if type(value) is not int or not 0 <= value <= _LONGEST_WAIT_MS:
            raise ValueError(f"{name} must be a whole number of milliseconds, 0 to {_LONGEST_WAIT_MS}.")
    return Behaviour(**{**given, "script": tuple(script)})
