"""Why the embedded stack cannot start or go on, in one line for the person at the terminal."""

import shutil
import sys
from pathlib import Path

from domain.errors import TurnupError

ROOM_NEEDED = 256 * 1024 * 1024
"""Bytes: what the write-ahead logs of both databases may take before their first checkpoint."""


class CannotStart(TurnupError):
    """The message is one line: what is wrong and what to do about it."""


def check_platform() -> None:
    """Raises `CannotStart` where the embedded services have no binaries."""
    if sys.platform not in ("linux", "darwin"):
        raise CannotStart(
            f"the embedded services run on Linux and macOS, not on {sys.platform}: "
            "set TURNUP_DATABASE_URL and TURNUP_TEMPORAL_ADDRESS to servers elsewhere"
        )


def check_room(folder: Path) -> None:
    """Raises `CannotStart` when the disk under `folder` is as good as full."""
    free = shutil.disk_usage(folder).free
    if free < ROOM_NEEDED:
        raise CannotStart(
            f"the disk of {folder} is full: {free // 2**20} MB free, {ROOM_NEEDED // 2**20} MB needed; "
            "make room, or set TURNUP_DATA_DIR to another disk"
        )
