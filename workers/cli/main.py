"""The `turnup` command line: its commands, and how an error ends one: in a line, never in a stack trace."""

import os
import sys
import traceback
from pathlib import Path

import typer

from activities.runtime.settings import SettingsError
from domain.errors import TurnupError
from workers.cli import demo, fallout, ledger, orders, reconciliation, services, simulate

app = typer.Typer(
    name="turnup",
    help="Takes an order from accepted to live and billed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(orders.app, name="orders")
app.add_typer(fallout.app, name="fallout")
app.add_typer(reconciliation.app, name="reconcile")
app.add_typer(ledger.app, name="ledger")
app.command()(services.start)
app.command()(services.api)
app.command()(services.worker)
app.command()(services.sandbox)
app.command()(services.migrate)
app.command()(services.doctor)
app.command()(demo.demo)
app.command()(simulate.simulate)


def main() -> None:
    """Run one command and leave at once: Temporal's client may crash a process that ends in the ordinary way."""
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = 141
    os._exit(code)


def _run() -> int:
    try:
        app()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    except SettingsError as error:
        return _say(str(error), 2)
    except (TurnupError, OSError) as error:
        return _say(_words(error), 1)
    except BaseExceptionGroup as group:
        return _say(_words(_first(group)), 1)
    except Exception as error:
        return _say(f"this should not happen: {_words(error)}{_kept(error)}", 1)
    return 0


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _kept(error: Exception) -> str:
    """Where the trace was written for whoever repairs it; '' when even that failed."""
    path = Path(os.environ.get("TURNUP_DATA_DIR", ".turnup")) / "logs" / "turnup-error.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return ""
    return f" (details in {path})"


def _say(lines: str, code: int) -> int:
    for line in lines.splitlines():
        print(f"turnup: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
