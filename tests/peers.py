"""Programs that some tests need and that pip does not bring."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path


def chromium() -> str | None:
    """The browser that Debian calls `chromium`, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def stateful_mock() -> Path | None:
    """The folder of npm's `stripe-stateful-mock`, which `make test` installs where it finds npm; None where there is none."""
    folder = Path(sys.prefix) / "node_modules" / "stripe-stateful-mock"
    return folder if shutil.which("node") and (folder / "autostart.js").exists() else None


NEEDED: dict[str, tuple[str, Callable[[], object]]] = {
    "needs_chromium": ("Chromium", chromium),
    "needs_stateful_mock": ("stripe-stateful-mock", stateful_mock),
}
"""By the mark of the tests that need it: its name, and what finds it."""


def required() -> bool:
    """Whether a test that cannot run for want of its peer has to fail."""
    return os.environ.get("TURNUP_REQUIRE_PEERS") == "1"
