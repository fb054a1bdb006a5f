"""Records of a stream on their way to a function."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployment import ACCOUNT, REGION

__all__ = ["Record", "payload", "stream_event"]

# AWS's own clients accept no shorter sequence number.
_SEQUENCE_DIGITS = 21


@dataclass(slots=True, eq=False)
class Record:
    """One record: `event` as the function gets it, `sequence` as the database counts, `created` in Unix seconds."""

    sequence: str
    event: dict[str, Any]
    created: float
    settled: bool = False

    @property
    def identifier(self) -> str:
        """The sequence number that the function knows the record by."""
        return str(self.event["dynamodb"]["SequenceNumber"])


def stream_event(raw: Mapping[str, Any], table: str, stream: str) -> dict[str, Any]:
    """Return the record as Lambda delivers it: with AWS's region and names, whatever the database calls them."""
    change = dict(raw["dynamodb"])
    sequence = str(change["SequenceNumber"])
    change["SequenceNumber"] = sequence.zfill(_SEQUENCE_DIGITS)
    label = stream.rpartition("/stream/")[2]
    return {
        "eventID": uuid.uuid5(uuid.NAMESPACE_URL, f"{stream}#{sequence}").hex,
        "eventName": raw["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": change,
        **({"userIdentity": raw["userIdentity"]} if raw.get("userIdentity") else {}),
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}",
    }


def payload(records: Sequence[Record]) -> bytes:
    """Return the event of a batch."""
    return json.dumps({"Records": [record.event for record in records]}, separators=(",", ":")).encode()
