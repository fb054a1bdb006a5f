"""What invokes functions by itself, in one process: the tables' streams and the schedules."""

import asyncio
import logging
import signal
import sys

import aiohttp

from deployment.template import EventSourceMapping, Template, load
from local.aws.dynamodb import StoreError
from local.aws.iam import Role
from local.aws.invoke_client import Functions
from local.aws.schedule import run_schedule
from local.aws.stream import StreamMapping, Streams
from local.config import SWEEP_SECONDS, Config

__all__ = ["serve"]

# Lambda itself asks whether the role has all four when a mapping is made, ListStreams too, though reading needs three:
# "Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your
# stream in IAM." (CreateEventSourceMapping's refusal).
_STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")


async def serve(config: Config) -> None:
    """Works until SIGTERM or SIGINT; then lets the functions finish what they have."""
    template = load(config.template, config.parameters, cache=config.state)
    for stream in template.streams:
        _check_role(stream, template, config)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        streams, functions = Streams(session, config.store_url), Functions(session, config.runtime_url)
        mappings = [StreamMapping(each, streams, functions, config.state) for each in template.streams]

        def stop() -> None:
            for mapping in mappings:
                mapping.stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        schedules = [
            asyncio.create_task(run_schedule(each, functions, seconds=min(SWEEP_SECONDS, each.seconds)))
            for each in template.schedules
        ]
        async with asyncio.TaskGroup() as working:
            for mapping in mappings:
                working.create_task(mapping.run())
        for schedule in schedules:
            schedule.cancel()
        await asyncio.gather(*schedules, return_exceptions=True)


def _check_role(stream: EventSourceMapping, template: Template, config: Config) -> None:
    """Raises ValueError for a stream that the function's role may not read: AWS makes no such mapping."""
    role = Role(stream.function, template.functions[stream.function].statements, config.state)
    for action in _STREAM_ACTIONS:
        if not role.allows(f"dynamodb:{action}", stream.stream_arn):
            raise ValueError(f"the role of {stream.function} does not allow dynamodb:{action} on {stream.stream_arn}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        asyncio.run(serve(Config.from_environ()))
    except* (ValueError, StoreError) as problems:
        sys.exit("\n".join(str(problem) for problem in problems.exceptions))
