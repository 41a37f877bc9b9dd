"""Who sells and who buys, as far as tax law asks: where they are, what they are registered for, and what proves it."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.billing.tax.jurisdictions import Jurisdiction, RegionCode
from domain.billing.tax.vat_ids import normal_tax_id
from domain.values import CountryCode, Instant, StrictValue, Value


class VatCheck(StrEnum):
    valid = "valid"
    invalid = "invalid"
    unavailable = "unavailable"
    """The register did not answer: nothing is proven, so tax is charged."""


class VatProof(Value):
    """What a tax register answered about a number; kept with the invoice that relies on it.

    `service` is the register that was asked; `consultation` is its own number for the enquiry, which an auditor accepts as
    evidence (VIES gives one to enquirers that name their own VAT id).
    """

    vat_id: str
    result: VatCheck
    checked_at: Instant
    consultation: str | None = None
    name: str | None = None
    service: str = "VIES"


class Exemption(StrictValue):
    """A certificate that frees a buyer from the taxes of a jurisdiction, or from the one named `tax`, in
    `[valid_from, valid_to)`: a resale certificate of a US state, diplomatic or public status."""

    jurisdiction: Jurisdiction
    tax: str | None = None
    certificate: Annotated[str, Field(min_length=1, max_length=80)]
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    valid_from: date
    valid_to: date | None = None
    code: Annotated[str, Field(pattern=r"^VATEX-[A-Z0-9-]+$")] | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to: must be after valid_from")
        return self

    def frees(self, jurisdiction: Jurisdiction, tax: str, at: date) -> bool:
        holds = self.valid_from <= at and (self.valid_to is None or at < self.valid_to)
        return holds and self.tax in (None, tax) and self.jurisdiction.covers(jurisdiction)


class Party(StrictValue):
    """A buyer. `business` says that it buys as a business; `vat_id` is brought to its normal form and refused where its form
    is wrong; only `vat_id_proof` shows that it is registered."""

    country: CountryCode
    region: RegionCode | None = None
    postcode: Annotated[str, Field(max_length=16)] | None = None
    business: bool = False
    vat_id: Annotated[str, Field(min_length=2, max_length=30)] | None = None
    vat_id_proof: VatProof | None = None
    exemptions: tuple[Exemption, ...] = ()

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if self.vat_id is not None:
            object.__setattr__(self, "vat_id", normal_tax_id(self.vat_id, self.country))
        return self

    def proven(self, at: date, days: int) -> bool:
        """Whether a register confirmed this very number, at most `days` before the day of the supply.

        Implementing Regulation (EU) 282/2011, art. 18(1)(a): the supplier needs the number and its confirmation."""
        proof = self.vat_id_proof
        if not self.business or self.vat_id is None or proof is None or proof.result is not VatCheck.valid:
            return False
        return self._is_own(proof.vat_id) and proof.checked_at.date() >= at - timedelta(days=days)

    def _is_own(self, number: str) -> bool:
        try:
            return normal_tax_id(number, self.country) == self.vat_id
        except ValueError:
            return False


class Registration(StrictValue):
    """That the seller is registered for the tax of a jurisdiction in `[valid_from, valid_to)`."""

    jurisdiction: Jurisdiction
    number: Annotated[str, Field(min_length=1, max_length=40)]
    valid_from: date
    valid_to: date | None = None

    def holds(self, jurisdiction: Jurisdiction, at: date) -> bool:
        dated = self.valid_from <= at and (self.valid_to is None or at < self.valid_to)
        return dated and self.jurisdiction == jurisdiction


class Seller(StrictValue):
    """A legal entity that sells, established in `country`. Tax is charged only where it is registered, at home too.

    `one_stop_shop`: it accounts for the VAT of consumers in all member states through the Union or the non-Union scheme.
    `below_threshold`: it is established in one member state only, sells less than 10,000 EUR a year to consumers in the
    others, and has not opted out, so that its own country's VAT is due (Directive 2006/112/EC, art. 59c).
    """

    legal_entity: Annotated[str, Field(min_length=1, max_length=60)]
    country: CountryCode
    region: RegionCode | None = None
    postcode: Annotated[str, Field(max_length=16)] | None = None
    registrations: tuple[Registration, ...] = ()
    one_stop_shop: bool = False
    below_threshold: bool = False

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        if self.one_stop_shop and self.below_threshold:
            raise ValueError(
                "below_threshold: must be false where one_stop_shop is true, since the scheme taxes at destination"
            )
        return self

    def registered(self, jurisdiction: Jurisdiction, at: date) -> bool:
        return any(registration.holds(jurisdiction, at) for registration in self.registrations)
