"""The event loop of a process: uvloop, where there is one for the system."""

import asyncio
import sys
from collections.abc import Callable

fastest_loop: Callable[[], asyncio.AbstractEventLoop]
"""Makes one, for `asyncio.Runner`."""

if sys.platform == "win32":
    fastest_loop = asyncio.new_event_loop
else:
    import uvloop

    fastest_loop = uvloop.new_event_loop
