"""Invokes functions for the tables' streams and the schedules, in one process."""

import asyncio
import logging
import signal
import sys

import aiohttp

from deployment.template import EventSourceMapping, Template, load
from local.aws.credentials import session_token
from local.aws.dynamodb import DatabaseClient, DatabaseError
from local.aws.iam import Role
from local.aws.invoke_client import Functions
from local.aws.schedule import run_schedule
from local.aws.stream.client import Streams
from local.aws.stream.mapping import StreamMapping
from local.config import SWEEP_SECONDS, Config

__all__ = ["serve"]

# CreateEventSourceMapping refuses a role that lacks any of the four, ListStreams too, though reading needs only three.
_STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")
_ACCOUNT_ACTION = "ListStreams"  # IAM knows no resource for it


async def serve(config: Config) -> None:
    """Deliver until SIGTERM or SIGINT; then let the functions finish their current batches."""
    template = load(config.template, config.parameters, cache=config.state)
    for stream in template.streams:
        _check_role(stream, template, config)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        streams = Streams(DatabaseClient(config.database_url))
        functions = Functions(session, config.runtime_url, session_token(config.state))
        mappings = [StreamMapping(stream, streams, functions, config.state) for stream in template.streams]

        def stop() -> None:
            for mapping in mappings:
                mapping.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        schedules = [
            asyncio.create_task(run_schedule(schedule, functions, seconds=min(SWEEP_SECONDS, schedule.seconds)))
            for schedule in template.schedules
        ]
        async with asyncio.TaskGroup() as working:
            for mapping in mappings:
                working.create_task(mapping.run())
        for task in schedules:
            task.cancel()
        await asyncio.gather(*schedules, return_exceptions=True)


def _check_role(stream: EventSourceMapping, template: Template, config: Config) -> None:
    """Raise ValueError if the function's role may not read its stream: AWS would not create the mapping either."""
    role = Role(stream.function, template.functions[stream.function].statements, config.state)
    for action, resource in (*((action, stream.stream_arn) for action in _STREAM_ACTIONS), (_ACCOUNT_ACTION, "*")):
        if not role.allows(f"dynamodb:{action}", resource):
            raise ValueError(f"the role of {stream.function} does not allow dynamodb:{action} on {resource}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        asyncio.run(serve(Config.from_environ()))
    except* (ValueError, DatabaseError) as problems:
        sys.exit("\n".join(str(problem) for problem in problems.exceptions))
