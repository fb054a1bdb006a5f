"""Hand the stream records that send_sms failed on to it again; `make replay-failed` runs it.

Lambda stores each batch of the orders stream that it gave up as one object. This removes a batch once send_sms accepts it
and keeps the others. Running it again never sends a text twice: send_sms claims each text in the table before sending it
and skips orders that are no longer `queued`.

  python -m scripts.operate.replay_failed [--stack sales | --local]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from botocore.session import Session

from local.config import Config
from scripts.operate.stack import INVOKE, Sender, add_target, describe, local_sender, parser


class Records(Protocol):
    """The batches that Lambda gave up."""

    def names(self) -> Iterator[str]:
        """Yield all, oldest first."""

    def read(self, name: str) -> dict[str, Any]:
        """Return one batch as Lambda wrote it."""

    def remove(self, name: str) -> None:
        """Remove a batch."""


class Bucket:
    """The batches in the stack's bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def names(self) -> Iterator[str]:
        """Yield all, oldest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        objects = [entry for page in pages for entry in page.get("Contents", [])]
        yield from (entry["Key"] for entry in sorted(objects, key=lambda entry: entry["LastModified"]))

    def read(self, name: str) -> dict[str, Any]:
        """Return one batch as Lambda wrote it."""
        batch: dict[str, Any] = json.loads(self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        return batch

    def remove(self, name: str) -> None:
        """Remove a batch."""
        self._s3.delete_object(Bucket=self._bucket, Key=name)


class Folder:
    """The batches in the folder that stands in for the bucket on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Iterator[str]:
        """Yield all, oldest first: a name begins with function and time."""
        yield from sorted(path.name for path in self._folder.glob("*.json"))

    def read(self, name: str) -> dict[str, Any]:
        """Return one batch as Lambda wrote it."""
        batch: dict[str, Any] = json.loads((self._folder / name).read_text())
        return batch

    def remove(self, name: str) -> None:
        """Remove a batch."""
        (self._folder / name).unlink()


def replay(records: Records, sender: Sender) -> tuple[int, int]:
    """Replay all batches, oldest first; return how many send_sms accepted and how many are kept."""
    accepted = kept = 0
    for name in list(records.names()):
        if sender.accepts(records.read(name)["payload"].encode()):
            records.remove(name)
            accepted += 1
        else:
            print(f"send_sms did not accept {name}; see its log.", file=sys.stderr)
            kept += 1
    return accepted, kept


def of_stack(name: str) -> tuple[Records, Sender]:
    """Return bucket and send_sms of a stack, with the credentials and region of the environment."""
    session = Session()
    stack = describe(session.create_client("cloudformation"), name)
    bucket = Bucket(session.create_client("s3"), stack.outputs["UnhandledRecordsBucketName"])
    return bucket, Sender(session.create_client("lambda", config=INVOKE), f"{name}-send_sms")


def of_local(config: Config) -> tuple[Records, Sender]:
    """Return folder and send_sms of the system on this machine."""
    return Folder(config.state / "on-failure"), local_sender(config)


def main() -> int:
    """Replay; 1 if send_sms did not accept a batch."""
    arguments = parser(__doc__)
    add_target(arguments)
    options = arguments.parse_args()
    accepted, kept = replay(*(of_local(Config.of_running()) if options.local else of_stack(options.stack)))
    print(f"Batches accepted by send_sms: {accepted}, kept: {kept}.")
    return 1 if kept else 0


if __name__ == "__main__":
    sys.exit(main())
