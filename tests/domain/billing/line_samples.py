"""Invoice lines whose amounts are easy to add up by hand."""

from datetime import UTC, datetime
from typing import Any

from domain.billing.calendar import Period
from domain.billing.lines import InvoiceLine, line_key
from domain.money import Money

MARCH = Period(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))


def line(
    minor: int, charge: str = "seat", currency: str = "EUR", subscription: str | None = "S-1", **changes: Any
) -> InvoiceLine:
    key = line_key(subscription or "none", "1", charge, 1, changes.pop("number", 0))
    given: dict[str, Any] = {"id": key, "subscription": subscription, "item": "1", "plan": "crm-team", "charge": charge}
    given |= {"description": f"CRM {charge}", "period": MARCH, "amount": Money(minor=minor, currency=currency)}
    return InvoiceLine.model_validate(given | changes)
