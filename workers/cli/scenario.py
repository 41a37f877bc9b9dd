"""A scenario: who buys what when, and what happens to it over the months. Written as YAML."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from domain.errors import BadInput
from domain.plans import Identifier
from domain.values import CountryCode, Instant, Name, StrictValue

Duration = Annotated[str, Field(max_length=40, examples=["P3M"])]


class Deed(StrEnum):
    pay_with = "pay_with"
    """The customer's method on file is another one from then on, such as tok_declined_soft of the sandbox."""
    cancel = "cancel"
    uncancel = "uncancel"
    collect = "collect"
    """Everything that is unpaid is asked for again, as a customer does who pays by hand."""


class Step(StrictValue):
    """`after` is counted from the start. `token` is for `pay_with`, `when` for `cancel`."""

    after: Duration
    do: Deed
    token: Annotated[str, Field(max_length=100)] | None = None
    when: str = "period_end"


class Scenario(StrictValue):
    """`plan` is one of the catalogue, of `product`, as the sample catalogue has them."""

    name: Name
    start: Instant
    country: CountryCode = "DE"
    token: Annotated[str, Field(max_length=100)] = "tok_visa"  # noqa: S105 - the name of a card of the sandbox
    product: Identifier = "crm"
    plan: Identifier = "crm-team"
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    currency: str = "EUR"
    steps: list[Step] = []


def read(file: Path) -> Scenario:
    """BadInput that names the field, and what would be right."""
    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(str(file), f"is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise BadInput(str(file), "is no scenario; see deploy/samples/scenarios/ for some")
    try:
        return Scenario.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or str(file)
        raise BadInput(where, first["msg"].removeprefix("Value error, ")) from None
