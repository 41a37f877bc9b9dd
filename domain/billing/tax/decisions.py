"""What was decided about the tax of one supply, and why."""

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.billing.tax.jurisdictions import Jurisdiction
from domain.values import Value


class TaxCategory(StrEnum):
    """The codes of EN 16931 for BT-118 and BT-151, a subset of UNTDID 5305."""

    standard = "S"
    """Any rate above zero, reduced rates too."""
    zero = "Z"
    exempt = "E"
    reverse_charge = "AE"
    intra_community = "K"
    """Goods moved between member states; no service has it."""
    export = "G"
    outside_scope = "O"
    canary_islands = "L"
    ceuta_and_melilla = "M"


class Treatment(StrEnum):
    taxed = "taxed"
    reverse_charge = "reverse_charge"
    """The buyer accounts for the tax."""
    export = "export"
    """Supplied abroad: not taxed where the seller is."""
    exempt = "exempt"
    """By the nature of the supply, or by a certificate of the buyer."""
    not_taxable = "not_taxable"
    """The jurisdiction does not tax this kind of supply."""
    not_registered = "not_registered"
    """Tax may be due there, but the seller is not registered and so may not charge it."""


class AppliedRate(Value):
    """One tax of a decision: `percent` of `base_percent` of the net amount, owed to `jurisdiction`."""

    jurisdiction: Jurisdiction
    tax: str
    percent: Decimal
    base_percent: Decimal = Decimal(100)
    source: str = ""


class TaxDecision(Value):
    """`place` is the jurisdiction of supply; `rates` are the taxes to charge, none of which is levied on another (Canada's GST
    and a provincial tax are two). `reason_code` is from the VATEX list of the CEF (BT-121), `reason` is BT-120 in words, and
    `note` says for people how the decision came about."""

    treatment: Treatment
    category: TaxCategory
    place: Jurisdiction
    rates: tuple[AppliedRate, ...] = ()
    reason_code: str | None = None
    reason: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.treatment is Treatment.taxed) != bool(self.rates):
            raise ValueError("rates: a taxed supply has at least one, and no other has any")
        return self
