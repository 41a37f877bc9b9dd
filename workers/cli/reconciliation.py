"""`turnup reconcile …`: bringing in what banks and gateways say moved."""

import base64
from pathlib import Path
from typing import Annotated

import typer

from activities.runtime.settings import load_settings
from workers.cli.client import Api
from workers.cli.words import say

app = typer.Typer(help="Import statements of banks and gateways.", no_args_is_help=True)


@app.command("import")
def import_statement(
    file: Annotated[Path, typer.Argument(help="CSV, or CAMT.053 as XML.")],
    form: Annotated[str, typer.Option("--format", help="camt.053, generic, german-bank or stripe.")] = "camt.053",
    account: Annotated[str | None, typer.Option(help="What the ledger calls the account; needed with CSV.")] = None,
) -> None:
    """Book each line that is new, and match money that came in to invoices. Importing a file again is harmless."""
    body = {"format": form, "account": account, "file": base64.b64encode(file.read_bytes()).decode()}
    done = Api(load_settings()).post("/v1/reconciliation/statements", body)
    say(f"{done['lines']} lines, {done['booked']} of them new; {done['suspense']} wait in suspense.")


@app.command()
def differences() -> None:
    """What gateway, ledger and invoices do not say alike, the oldest first."""
    page = Api(load_settings()).get("/v1/reconciliation/differences", open="true", limit=200)
    for item in page["items"]:
        say(item["key"], style="bold")
        say(f"  {item['text']}")
    if not page["items"]:
        say("Everything agrees.")
    elif page["next"]:
        say("There are more than these 200.")
