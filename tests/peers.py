"""Programs that some tests need and that pip does not bring."""

import os
import shutil


def chromium() -> str | None:
    """The browser that Debian calls `chromium`, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def required() -> bool:
    """Whether a test that cannot run for want of its peer has to fail."""
    return os.environ.get("TURNUP_REQUIRE_PEERS") == "1"
