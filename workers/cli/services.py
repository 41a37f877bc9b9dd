"""The commands that run things: the whole stack, or one process of it, and `doctor`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from activities.runtime.settings import Settings, load_settings
from workers.embedded.problems import CannotStart
from workers.embedded.running import Running, with_running_stack
from workers.embedded.stack import Stack, child_environment

console = Console(highlight=False)


def start() -> None:
    """Start everything: PostgreSQL, Temporal, the sandbox, a worker and the API. Ctrl-C stops it."""
    from workers.embedded.supervisor import supervise

    settings = load_settings()
    console.print(f"Starting in {settings.data_dir.absolute()} …")
    asyncio.run(supervise(settings, console.print, _banner))
    console.print("Stopped.")


def api() -> None:
    """Run the API and the console alone, in this process."""
    _become("api.server", _with_database_and_temporal())


def worker() -> None:
    """Run a worker alone, in this process."""
    _become("workers.worker", _with_database_and_temporal())


def sandbox(
    port: Annotated[int | None, typer.Option(help="Where it listens; TURNUP_SANDBOX_PORT, or 8090.")] = None,
    callback_url: Annotated[str | None, typer.Option(help="Base address of the API it calls back.")] = None,
) -> None:
    """Run the sandbox alone: a payment gateway and partners that can be told to misbehave."""
    settings = with_running_stack(load_settings())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    url = callback_url or settings.callback_url or settings.api_url or "http://127.0.0.1:8080"
    words = ["--port", str(port or settings.sandbox_port or 8090), "--callback-url", url]
    _become("workers.sandbox", settings, *words, "--data", str(settings.data_dir / "sandbox-alone.json"))


def migrate() -> None:
    """Bring the database's schema to this release."""
    from workers.migrate import revisions, upgrade

    async def run(url: str) -> str:
        before, _ = await revisions(url)
        await upgrade(url)
        after, _ = await revisions(url)
        return f"The schema was at {before or 'nothing'} and is at {after or 'nothing'}."

    console.print(asyncio.run(run(_database_url(with_running_stack(load_settings())))))


def doctor() -> None:
    """Say what runs, where, and what is wrong; the exit code is 1 when something is."""
    from workers.cli.doctor import examine, show

    findings = asyncio.run(examine(load_settings()))
    show(findings, console)
    raise typer.Exit(1 if any(finding.wrong for finding in findings) else 0)


async def _banner(stack: Stack, running: Running) -> None:
    console.print("\n[bold green]Turnup is up.[/bold green]")
    rows = {
        "Console": running.console_url,
        "API": f"{running.docs_url} (documentation)",
        "Temporal": running.temporal_ui_url or running.temporal_address,
        "Sandbox": running.sandbox_url,
        "Logs": str(stack.logs),
    }
    if stack.cluster and stack.settings.data_dir not in stack.cluster.home.parents:
        rows["Database"] = f"{stack.cluster.home}, where the account PostgreSQL runs as can reach it"
    for name, where in rows.items():
        console.print(f"  {name:<9} {where}", soft_wrap=True)
    _show_key_once(running.admin_key_file)
    console.print("Ctrl-C stops it; the data stays.\n")


def _show_key_once(key: Path) -> None:
    """On the first start that succeeds, which need not be the one that made it."""
    shown = key.with_name("admin.key.shown")
    if not shown.exists():
        console.print(f"  {'Admin key':<9} {key.read_text(encoding='utf-8').strip()}", soft_wrap=True)
        console.print(f"            for development; shown this once and kept in {key}", soft_wrap=True)
        shown.touch()


def _with_database_and_temporal() -> Settings:
    settings = with_running_stack(load_settings())
    _database_url(settings)
    if settings.temporal_address is None:
        raise CannotStart("no Temporal to connect to: set TURNUP_TEMPORAL_ADDRESS, or run `turnup start`")
    return settings


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise CannotStart("no database to connect to: set TURNUP_DATABASE_URL, or run `turnup start`")
    return settings.database_url


def _become(module: str, settings: Settings, *arguments: str) -> None:
    """Replace this process, so that signals and exit codes are the service's own."""
    sys.stdout.flush()
    words = [sys.executable, "-P", "-m", module, *arguments]
    os.execve(sys.executable, words, child_environment(settings))  # noqa: S606 - our own module, no shell
