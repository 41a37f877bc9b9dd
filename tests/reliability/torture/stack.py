"""What is tortured: `turnup start` with a second worker, run as `python -m tests.reliability.torture.stack`."""

import asyncio
import dataclasses
import sys

from activities.runtime.settings import load_settings
from workers.embedded import supervisor
from workers.embedded.problems import CannotStart
from workers.embedded.running import Running
from workers.embedded.stack import Service, Stack

WORKERS = ("worker", "worker-2")


def with_second_worker(stack: Stack) -> list[Service]:
    """So that an order of a worker that hangs is taken over, and the one that hung wakes up beside its successor."""
    programs = stack.programs()
    worker = next(service for service in programs if service.name == "worker")
    command = dataclasses.replace(worker.command, log=stack.logs / "worker-2.log")
    return [*programs, dataclasses.replace(worker, name="worker-2", command=command)]


async def _say_ready(_stack: Stack, _running: Running) -> None:
    print("ready", flush=True)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    supervisor.SETTLED = 0.5  # here dying young is nobody's mistake: no process waits long to be started again
    try:
        asyncio.run(supervisor.supervise(load_settings(), _say, _say_ready, with_second_worker))
    except CannotStart as problem:
        sys.exit(str(problem))
