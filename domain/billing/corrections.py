"""What people ask of an invoice that is there. Whether it may be done is for the invoice's own rules to say."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from domain.billing.credit_notes import CreditRequest
from domain.values import Name, Value

Reason = Annotated[str, Field(min_length=1, max_length=500, examples=["sent to the wrong customer"])]


class FinalizeCommand(Value):
    """`shown` is the digest of the charge that a preview showed: it is issued over just this, or not at all."""

    by: Name
    shown: str | None = None


class GiveUpCommand(Value):
    """To void it, or to write it off. The reason is kept with the invoice."""

    by: Name
    reason: Reason


class RescheduleCommand(Value):
    """`issue_date` is a local date of the legal entity."""

    by: Name
    issue_date: date


class CreditCommand(CreditRequest):
    """A credit note, which one `key` makes once."""

    model_config = ConfigDict(extra="ignore")

    by: Name
    key: Annotated[str, Field(min_length=1, max_length=400)] | None = None
