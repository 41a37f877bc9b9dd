"""One owner of a folder at a time, by a lock that the kernel drops when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.embedded.problems import CannotStart


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process. Raises `CannotStart` naming the process that has it."""
    with (folder / "lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotStart(f"{folder} is in use by process {holder}: it is running already") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
