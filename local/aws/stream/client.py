"""The local database's streams, read through its API."""

import asyncio
from collections.abc import Mapping
from typing import Any

from local.aws.dynamodb import DatabaseClient, DatabaseError

__all__ = ["GONE", "Streams"]

# Errors that say that a position or the whole stream is gone; any other error may pass.
GONE = {"TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"}


class Streams:
    """The streams of one database. Every method raises DatabaseError, with an empty `kind` if nothing answered."""

    def __init__(self, client: DatabaseClient) -> None:
        self._client = client

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one call of the streams' API."""
        return await self._call(operation, parameters, streams=True)

    async def _call(self, operation: str, parameters: Mapping[str, Any], *, streams: bool) -> dict[str, Any]:
        try:
            return await asyncio.to_thread(self._client.call, operation, parameters, streams=streams)
        except OSError as error:
            raise DatabaseError(f"{operation}: {error or type(error).__name__}") from error

    async def stream_of(self, table: str) -> str:
        """Return the ARN of a table's stream."""
        answer = await self._call("DescribeTable", {"TableName": table}, streams=False)
        arn = answer["Table"].get("LatestStreamArn")
        if not arn:
            raise DatabaseError(f"the table {table} has no stream")
        return str(arn)

    async def shards(self, arn: str) -> list[dict[str, Any]]:
        """Return all shards of a stream."""
        shards: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = (await self.call("DescribeStream", StreamArn=arn, **start))["StreamDescription"]
            shards += page["Shards"]
            last = page.get("LastEvaluatedShardId")
            if not last:
                return shards
            start = {"ExclusiveStartShardId": last}
