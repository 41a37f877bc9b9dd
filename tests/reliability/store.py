"""Keeps the histories of finished orders, so that later code can be replayed against them.

    python -m tests.reliability.store               the usual shapes, under the version of this code
    python -m tests.reliability.store amended       another one of tests.reliability.shapes

Once a version is released its histories stay as they are: orders begun by it may still be running. A change that cannot
replay them takes `workflow.patched`. Until then, record them again.
"""

import asyncio
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from tests.reliability.shapes import AFTERWARDS, SHAPES, STORED
from tests.world import World, running_world
from workers.embedded.postgres import running_cluster

HISTORIES = Path(__file__).parent / "histories"
OF_THE_MACHINE = frozenset({"identity", "stackTrace", "workerVersion", "deploymentVersion", "binaryChecksum"})
"""Fields of a history that tell where it was recorded, and that replay does not need."""


async def record(world: World, shape: str) -> WorkflowHistory:
    """Run an order, or what comes after it, of this shape to its end; its history."""
    if shape in AFTERWARDS:
        handle = world.temporal.client.get_workflow_handle(await AFTERWARDS[shape](world))
    else:
        handle = world.workflow(await SHAPES[shape](world))
    await handle.result()
    return await handle.fetch_history()


def as_text(history: WorkflowHistory) -> str:
    """JSON, one event a line."""
    events = _stripped(json.loads(history.to_json()))["events"]
    lines = ",\n".join(json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events)
    return f'{{"events":[\n{lines}\n]}}\n'


def stored(path: Path) -> WorkflowHistory:
    """The history that a file holds."""
    return WorkflowHistory.from_json(f"stored-{path.stem}", path.read_text(encoding="utf-8"))


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(inner) for name, inner in value.items() if name not in OF_THE_MACHINE}
    return [_stripped(inner) for inner in value] if isinstance(value, list) else value


async def _main(shapes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_cluster() as cluster, running_world(cluster, Path(folder)) as world:
            for shape in shapes:
                path = HISTORIES / f"{version('turnup')}-{shape}.json"
                path.write_text(as_text(await record(world, shape)), encoding="utf-8")
                print(f"kept {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    unknown = sorted(set(sys.argv[1:]) - SHAPES.keys() - AFTERWARDS.keys())
    if unknown:
        sys.exit(f"no shape is named {unknown[0]!r}; there are {', '.join(SHAPES)}")
    asyncio.run(_main(sys.argv[1:] or list(STORED)))
    sys.stdout.flush()
    os._exit(0)
