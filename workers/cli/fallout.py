"""`turnup fallout …`: what is stuck, and deciding about it."""

from typing import Annotated

import typer

from activities.runtime.settings import load_settings
from domain.errors import BadInput
from domain.fallout import Fallout, FalloutVerb
from workers.cli.client import Api
from workers.cli.order_text import fallout_lines
from workers.cli.words import console, say

app = typer.Typer(help="See what is stuck, and decide about it.", no_args_is_help=True)

FalloutId = Annotated[str, typer.Argument(metavar="ID", help="As `turnup fallout list` shows it.")]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]
Needed = Annotated[str, typer.Option(help="Kept with the decision; it needs one.")]
Data = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A corrected value; may be given again.")]
Evidence = Annotated[str, typer.Option(help="What shows that it was done, such as a ticket; it needs some.")]


@app.command("list")
def list_fallout(
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only in this queue, such as operations.")] = None,
    decided: Annotated[bool, typer.Option("--decided", help="What is decided, in place of what is open.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """What waits for a decision, the oldest first."""
    query = {"order": order, "owner": owner, "open": "false" if decided else "true", "limit": limit}
    page = Api(load_settings()).get("/v1/fallout", **query)
    if as_json:
        return console.print_json(data=page)
    if not page["items"]:
        return say("Nothing is decided yet." if decided else "Nothing is stuck.")
    for record in page["items"]:
        say(record["id"], style="bold")
        for line in fallout_lines(Fallout.model_validate(record)):
            say(f"  {line}")
    return say(f"These are the first {limit}; --limit shows more.") if page["next"] else None


@app.command()
def retry(fallout: FalloutId, reason: Reason = "", data: Data = None) -> None:
    """Try it again, with corrected data where given: --data address="Elm Street 1, Ulm"."""
    _decide(fallout, FalloutVerb.retry, reason=reason, data=_pairs(data or []))


@app.command()
def resolve(fallout: FalloutId, evidence: Evidence = "", reason: Reason = "") -> None:
    """It was done by hand: go on as if it had succeeded."""
    _decide(fallout, FalloutVerb.resolve, reason=reason, evidence=evidence)


@app.command()
def skip(fallout: FalloutId, reason: Needed = "") -> None:
    """Go on without it."""
    _decide(fallout, FalloutVerb.skip, reason=reason)


@app.command()
def compensate(fallout: FalloutId, reason: Needed = "") -> None:
    """Give it up: undo the item, or the whole order where it is about its payment."""
    _decide(fallout, FalloutVerb.compensate, reason=reason)


def _decide(fallout: str, verb: FalloutVerb, **answer: object) -> None:
    said = Api(load_settings()).post(f"/v1/fallout/{fallout}/{verb}", answer)
    say(f"{fallout}: {said['message']}")


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [(name.strip(), value) for name, sign, value in (pair.partition("=") for pair in given) if sign and name.strip()]
    if len(pairs) != len(given):
        raise BadInput("--data", 'should look like address="Elm Street 1, Ulm"')
    return dict(pairs)
