"""`turnup ledger …`: the books as a file for accountants."""

import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from activities.runtime.settings import load_settings
from workers.cli.client import Api

app = typer.Typer(help="Take the ledger out.", no_args_is_help=True)


@app.callback()
def commands() -> None:
    """Keeps `export` a command of its own, though it is the only one."""


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="beancount.")] = "beancount",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; what is older is opened with.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after the last one.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; there is none unless all of it came.")] = None,
) -> None:
    """Write all that was booked, as text that `bean-check` accepts."""
    asked = {"format": form, "since": _day(since), "until": _day(until)}
    pieces = Api(load_settings()).download("/v1/ledger/export", **asked)
    if out is None:
        _write(sys.stdout.fileno(), pieces)
    else:
        _replace(out, pieces)


def _day(given: datetime | None) -> str | None:
    return None if given is None else given.date().isoformat()


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    written = Path(name)
    try:
        _write(descriptor, pieces)
        os.close(descriptor)
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _write(descriptor: int, pieces: Iterable[bytes]) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.writelines(pieces)
