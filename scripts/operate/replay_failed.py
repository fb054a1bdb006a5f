"""Hands the stream records that send_sms could not take to it once more; `make replay-failed` runs it.

Lambda keeps what the orders stream gave up as one object for each batch. A batch that send_sms takes now is forgotten;
one that it does not take is kept. No text goes out twice, however often this is run: send_sms claims each text in the
table before it sends it, and an order that is not `queued` any more is left alone.

  python -m scripts.operate.replay_failed [--stack sales | --local]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from botocore.config import Config as ClientConfig
from botocore.session import Session

from deployment import REGION
from local.config import Config
from sales.api.unmatched import ALIAS

# Longer than send_sms may take; never asked twice by the client itself.
PATIENCE = ClientConfig(read_timeout=120, retries={"total_max_attempts": 1})


class Records(Protocol):
    """Where the batches lie that were given up."""

    def names(self) -> Iterator[str]:
        """All, the oldest first."""

    def read(self, name: str) -> dict[str, Any]:
        """One batch, as Lambda wrote it."""

    def remove(self, name: str) -> None:
        """Forgets it."""


class Bucket:
    """The template's bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def names(self) -> Iterator[str]:
        """All, the oldest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        found = [entry for page in pages for entry in page.get("Contents", [])]
        yield from (entry["Key"] for entry in sorted(found, key=lambda entry: entry["LastModified"]))

    def read(self, name: str) -> dict[str, Any]:
        """One batch, as Lambda wrote it."""
        found: dict[str, Any] = json.loads(self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        return found

    def remove(self, name: str) -> None:
        """Forgets it."""
        self._s3.delete_object(Bucket=self._bucket, Key=name)


class Folder:
    """The folder that stands for the bucket on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Iterator[str]:
        """All, the oldest first: a name begins with function and time."""
        yield from sorted(path.name for path in self._folder.glob("*.json"))

    def read(self, name: str) -> dict[str, Any]:
        """One batch, as Lambda wrote it."""
        found: dict[str, Any] = json.loads((self._folder / name).read_text())
        return found

    def remove(self, name: str) -> None:
        """Forgets it."""
        (self._folder / name).unlink()


def takes(lambda_: Any, function: str, event: bytes) -> bool:
    """Whether send_sms took every record of the event."""
    answer = lambda_.invoke(FunctionName=function, Qualifier=ALIAS, Payload=event)
    payload = answer["Payload"].read()
    return not answer.get("FunctionError") and json.loads(payload) == {"batchItemFailures": []}


def replay(records: Records, lambda_: Any, function: str) -> tuple[int, int]:
    """Replays all batches, the oldest first; how many were taken and how many are kept."""
    taken = kept = 0
    for name in list(records.names()):
        if takes(lambda_, function, records.read(name)["payload"].encode()):
            records.remove(name)
            taken += 1
        else:
            print(f"send_sms does not take {name}: its log says why", file=sys.stderr)
            kept += 1
    return taken, kept


def bucket_of(cloudformation: Any, stack: str) -> str:
    """The name of the stack's bucket of given up records."""
    [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return next(
        str(each["OutputValue"]) for each in found["Outputs"] if each["OutputKey"] == "UnhandledRecordsBucketName"
    )


def of_stack(stack: str) -> tuple[Records, Any, str]:
    """The bucket, the client and the function of a stack, with the credentials and region of the environment."""
    session = Session()
    bucket = Bucket(session.create_client("s3"), bucket_of(session.create_client("cloudformation"), stack))
    return bucket, session.create_client("lambda", config=PATIENCE), f"{stack}-send_sms"


def of_machine(config: Config) -> tuple[Records, Any, str]:
    """The same of the system that `make run` has started."""
    session = Session()
    session.set_credentials("local", "local")
    client = session.create_client("lambda", endpoint_url=config.runtime_url, region_name=REGION, config=PATIENCE)
    return Folder(config.state / "on-failure"), client, "send_sms"


def main() -> int:
    """Replays; 1 if a batch was not taken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stack", default="sales")
    where.add_argument("--local", action="store_true", help="the system that `make run` has started")
    options = parser.parse_args()
    parts = of_machine(Config.of_running()) if options.local else of_stack(options.stack)
    taken, kept = replay(*parts)
    print(f"{taken} batches were taken, {kept} are kept")
    return 1 if kept else 0


if __name__ == "__main__":
    sys.exit(main())
