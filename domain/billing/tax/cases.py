"""One supply as it is put before the rules: who sells what to whom, from where to where, and on which day."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from domain.billing.tax.decisions import AppliedRate, TaxCategory, TaxDecision, Treatment
from domain.billing.tax.jurisdictions import Jurisdiction, Place
from domain.billing.tax.parties import Party, Seller
from domain.billing.tax.rates import Buyers, TaxRate, TaxTable
from domain.billing.tax.settings import TaxSettings
from domain.billing.tax.supplies import Supply

_OWN_CODES = {"IGIC": TaxCategory.canary_islands, "IPSI": TaxCategory.ceuta_and_melilla}


@dataclass(frozen=True)
class Case:
    """`origin` is where the seller is established, `place` where the buyer is.

    No Pydantic value, which would check the whole table again for every supply."""

    supply: Supply
    seller: Seller
    buyer: Party
    at: date
    table: TaxTable
    settings: TaxSettings
    origin: Place
    place: Place

    @property
    def domestic(self) -> bool:
        both_in_states = self.origin.registration.country == self.place.registration.country == "US"
        return both_in_states or self.origin.registration == self.place.registration

    @property
    def buyers(self) -> Buyers:
        return Buyers.business if self.buyer.business else Buyers.consumer

    def at_home(self) -> "Case":
        """The same supply, as if it had stayed where the seller is."""
        return replace(self, place=self.origin)

    def registered(self, jurisdiction: Jurisdiction) -> bool:
        return self.seller.registered(jurisdiction, self.at)

    def registered_within(self, country: str) -> bool:
        """Whether the seller is registered for any tax of the country or of a part of it."""
        within = (entry.jurisdiction for entry in self.seller.registrations if entry.jurisdiction.country == country)
        return any(self.registered(jurisdiction) for jurisdiction in within)

    def rate(self, jurisdiction: Jurisdiction, tax: str | None = None) -> TaxRate:
        """The rate of the supply's category, or the standard rate where the jurisdiction has no such category.

        NotFound where it has no standard rate on that day either: a supply is never left untaxed for want of data."""
        special = self.table.find(jurisdiction, self.supply.rate_category, self.at, tax)
        return special or self.table.rate(jurisdiction, "standard", self.at, tax)


def applied(rate: TaxRate, owed_to: Jurisdiction | None = None, base_percent: Decimal = Decimal(100)) -> AppliedRate:
    """The rate as a decision keeps it, so that a credit note years later needs no table."""
    return AppliedRate(
        jurisdiction=owed_to or rate.jurisdiction,
        tax=rate.tax,
        percent=rate.percent,
        base_percent=base_percent,
        source=rate.source,
    )


def taxed(case: Case, rates: tuple[AppliedRate, ...], why: str = "") -> TaxDecision:
    """Tax is charged at `rates`; the code is Z where the law's rate is zero."""
    code = TaxCategory.standard if any(rate.percent for rate in rates) else TaxCategory.zero
    code = _OWN_CODES.get(rates[0].tax, code)
    words = " and ".join(f"{percent(rate.percent)} {rate.tax} of {rate.jurisdiction}" for rate in rates)
    return TaxDecision(
        treatment=Treatment.taxed,
        category=code,
        place=case.place.jurisdiction,
        rates=rates,
        note=f"{words} on {case.at}" + (f": {why}" if why else ""),
    )


def untaxed(case: Case, treatment: Treatment, reason: str, note: str = "") -> TaxDecision:
    """No tax is charged, and nothing is said about where it would be due: code O."""
    return TaxDecision(
        treatment=treatment,
        category=TaxCategory.outside_scope,
        place=case.place.jurisdiction,
        reason_code="VATEX-EU-O" if case.origin.in_union else None,
        reason=reason,
        note=note or reason,
    )


def unregistered(case: Case, jurisdiction: Jurisdiction) -> TaxDecision:
    reason = f"No tax: {case.seller.legal_entity} is not registered in {jurisdiction} on {case.at}"
    return untaxed(case, Treatment.not_registered, reason)


def percent(value: Decimal) -> str:
    """As people write it: 25.5 %."""
    return f"{value.normalize():f} %"
