"""`python -m workers.sandbox`: the sandbox as a process of its own."""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path

from pydantic import ValidationError

from workers.sandbox.app import create_app
from workers.sandbox.config import SandboxConfig
from workers.sandbox.wire import SandboxServer, listen

SECRETS_VARIABLE = "TURNUP_SANDBOX_SECRETS"


def main() -> None:
    arguments = _arguments()
    try:
        config = SandboxConfig(data=arguments.data, callback_url=arguments.callback_url, secrets=_secrets())
        asyncio.run(_run(config, arguments.host, arguments.port))
    except ValidationError as error:
        sys.exit(f"sandbox: {error.errors(include_input=False)[0]['msg'].removeprefix('Value error, ')}")
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"sandbox: cannot use {arguments.host}:{arguments.port} and {arguments.data}: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.sandbox", description="Plays a gateway and partners.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, named on standard output")
    parser.add_argument("--callback-url", required=True, help="root of the API that partners call back")
    parser.add_argument("--data", type=Path, required=True, help="SQLite file of the journal")
    return parser.parse_args()


def _secrets() -> dict[str, str]:
    try:
        secrets = json.loads(os.environ.get(SECRETS_VARIABLE, "{}"))
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        sys.exit(f'sandbox: {SECRETS_VARIABLE} must be JSON such as {{"fibreworks": "whsec_..."}}')
    return secrets


async def _run(config: SandboxConfig, host: str, port: int) -> None:
    with listen(host, port) as listener:
        server = SandboxServer(create_app(config), handle_signals=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listener]))
            await server.ready.wait()
            print(f"sandbox ready at http://{host}:{listener.getsockname()[1]}", flush=True)


if __name__ == "__main__":
    main()
