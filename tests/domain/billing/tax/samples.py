"""The shipped tax table, and short ways to write sellers, buyers and lines."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.billing.tax.decisions import AppliedRate, TaxCategory, TaxDecision, Treatment
from domain.billing.tax.documents import TaxableLine
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.billing.tax.parties import Party, Seller
from domain.billing.tax.place_of_supply import decide
from domain.billing.tax.rates import TaxTable
from domain.billing.tax.regions import TaxRegion, table_of
from domain.billing.tax.settings import TaxSettings
from domain.billing.tax.supplies import Supply
from domain.money import Money

DATA = Path(__file__).parents[4] / "deploy" / "tax"
TODAY = date(2026, 11, 25)


@cache
def regions() -> tuple[TaxRegion, ...]:
    return tuple(TaxRegion.model_validate(yaml.safe_load(path.read_text())) for path in sorted(DATA.glob("*.yaml")))


@cache
def table() -> TaxTable:
    return table_of(regions())


def at(code: str) -> Jurisdiction:
    country, _, region = code.partition("-")
    return Jurisdiction(country=country, region=region or None)


def seller(country: str, *registered: str, **more: Any) -> Seller:
    """Registered at home, and in the places named by code (GB, US-NY)."""
    places = registered or (country,)
    return Seller.model_validate(
        {
            "legal_entity": "acme",
            "country": country,
            "registrations": [
                {"jurisdiction": at(code), "number": f"{code}-1", "valid_from": date(2015, 1, 1)} for code in places
            ],
        }
        | more
    )


def consumer(country: str, **more: Any) -> Party:
    return Party.model_validate({"country": country} | more)


def business(country: str, vat_id: str | None = None, **more: Any) -> Party:
    return Party.model_validate({"country": country, "business": True, "vat_id": vat_id} | more)


def proof(vat_id: str, result: str = "valid", checked: datetime = datetime(2026, 11, 1, tzinfo=UTC)) -> dict[str, Any]:
    return {"vat_id": vat_id, "result": result, "checked_at": checked, "consultation": "WAPIAAAAX1"}


def decided(who: Seller, buyer: Party, day: date = TODAY, supply: Supply | None = None, **settings: Any) -> TaxDecision:
    return decide(supply or Supply(), who, buyer, day, table(), TaxSettings.model_validate(settings))


def percents(decision: TaxDecision) -> list[tuple[str, str, str]]:
    """(jurisdiction, tax, percent) of each tax charged."""
    return [(str(rate.jurisdiction), rate.tax, f"{rate.percent.normalize():f}") for rate in decision.rates]


def charged(*rates: str, country: str = "DE") -> TaxDecision:
    """A decision to charge the given percentages, each as a tax of its own."""
    applied = tuple(
        AppliedRate.model_validate({"jurisdiction": at(country), "tax": f"VAT{index or ''}", "percent": percent})
        for index, percent in enumerate(rates)
    )
    category = TaxCategory.standard if any(rate.percent for rate in applied) else TaxCategory.zero
    return TaxDecision(treatment=Treatment.taxed, category=category, place=at(country), rates=applied)


def reversed_charge(country: str = "FR") -> TaxDecision:
    return TaxDecision(
        treatment=Treatment.reverse_charge,
        category=TaxCategory.reverse_charge,
        place=at(country),
        reason_code="VATEX-EU-AE",
        reason="Reverse charge",
    )


def line(name: str, minor: int, currency: str = "EUR", inclusive: bool = False) -> TaxableLine:
    return TaxableLine(id=name, amount=Money(minor=minor, currency=currency), inclusive=inclusive)
