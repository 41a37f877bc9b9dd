"""A stack with the real engines and a stand-in for our own programs: run as `python -m tests.workers.supervised`."""

import asyncio
import sys

from activities.runtime.settings import load_settings
from workers.embedded.problems import CannotStart
from workers.embedded.process import Command
from workers.embedded.running import Running
from workers.embedded.stack import Service, Stack, child_environment
from workers.embedded.supervisor import supervise


def stand_in(stack: Stack) -> list[Service]:
    words = [sys.executable, "-c", "import time; print('at work', flush=True); time.sleep(3600)"]
    return [Service("worker", Command(words, stack.logs / "worker.log", child_environment(stack.settings)), at_once)]


async def at_once() -> None:
    pass


async def say_ready(_stack: Stack, _running: Running) -> None:
    print("ready", flush=True)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(supervise(load_settings(), say, say_ready, stand_in))
    except CannotStart as problem:
        sys.exit(str(problem))
