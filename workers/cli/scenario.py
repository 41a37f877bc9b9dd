"""A scenario: who buys what when, and what happens to it over the months. Written as YAML."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from domain.errors import BadInput
from domain.plans import Identifier
from domain.values import LARGEST_QUANTITY, CountryCode, Instant, Name, StrictValue

Duration = Annotated[str, Field(max_length=40, examples=["P3M"])]
Word = Annotated[str, Field(max_length=100)]


class Deed(StrEnum):
    pay_with = "pay_with"
    """The customer's method on file is another one from then on, such as tok_declined_soft of the sandbox."""
    cancel = "cancel"
    uncancel = "uncancel"
    change = "change"
    pause = "pause"
    resume = "resume"
    suspend = "suspend"
    unsuspend = "unsuspend"
    collect = "collect"
    """Everything that is unpaid is asked for again, as a customer does who pays by hand."""
    fault = "fault"
    """A partner or the gateway misbehaves from then on, at the calls made for this subscription."""
    mend = "mend"
    """Whoever misbehaved does so no longer."""


NEEDS = {Deed.pay_with: ("token",), Deed.change: ("plan", "quantity"), Deed.fault: ("operation",)}
"""Of which fields a deed needs one at least."""


class Trouble(StrictValue):
    """What the sandbox does wrong, as its `PUT /faults` knows it: `operation` is such as `capture` or `suspend`, and with no
    `count` every call of it meets it until it is mended."""

    operation: Word
    mode: Word = "error_500"
    count: Annotated[int, Field(ge=1, le=1000)] | None = None


class Step(StrictValue):
    """`after` is counted from the start. `token` is for `pay_with`; `plan` and `quantity` for `change`; `when` for `cancel`,
    `change` and `pause`, and `pause_for` for `pause`; `operation`, `mode` and `count` for `fault`."""

    after: Duration
    do: Deed
    token: Word | None = None
    plan: Identifier | None = None
    quantity: Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)] | None = None
    when: Word | None = None
    pause_for: Duration | None = None
    operation: Word | None = None
    mode: Word = "error_500"
    count: Annotated[int, Field(ge=1, le=1000)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = NEEDS.get(self.do, ())
        if needed and all(getattr(self, name) is None for name in needed):
            raise ValueError(f"{self.do} needs {' or '.join(needed)}")
        return self


class Scenario(StrictValue):
    """`plan` is one of the catalogue, of `product`, as the sample catalogue has them. `troubles` are there while it is ordered;
    `months` is how long it takes where nobody says another length."""

    name: Name
    start: Instant
    months: Annotated[int, Field(ge=1, le=60)] = 24
    country: CountryCode = "DE"
    token: Word = "tok_visa"  # noqa: S105 - the name of a card of the sandbox
    product: Identifier = "crm"
    plan: Identifier = "crm-team"
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    currency: str = "EUR"
    troubles: list[Trouble] = []
    steps: list[Step] = []

    @property
    def needs_sandbox(self) -> bool:
        return bool(self.troubles) or any(step.do in {Deed.fault, Deed.mend} for step in self.steps)


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
