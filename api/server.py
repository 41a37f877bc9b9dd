"""`python -m api.server`: the API as a process. It starts while Temporal is down, and accepts orders meanwhile.

Each process that makes documents loads this module again, so what serves is imported by the one that does."""

import asyncio
import sys

from activities.runtime.settings import load_settings
from domain.errors import TurnupError


def main() -> int:
    """The exit code; what is wrong goes to standard error in one line each."""
    from activities.runtime.logs import set_up_logs
    from activities.runtime.loop import fastest_loop
    from api.serving import serve

    try:
        settings = load_settings()
        set_up_logs(settings)
        with asyncio.Runner(loop_factory=fastest_loop) as runner:
            runner.run(serve(settings))
    except KeyboardInterrupt:
        return 130
    except TurnupError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
