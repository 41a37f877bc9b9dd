"""A small catalogue whose amounts are easy to add up by hand, and requests made from it."""

from typing import Any

PRODUCTS: list[dict[str, Any]] = [
    {"id": "crm", "name": "CRM"},
    {"id": "reports", "name": "Reports", "requires": ["crm"]},
    {"id": "fibre", "name": "Fibre", "capacity": 3, "verified_customers_only": True, "countries": ["DE"]},
]
PLANS: list[dict[str, Any]] = [
    {
        "id": "crm-team",
        "product": "crm",
        "name": "CRM Team",
        "steps": [
            {"id": "account", "name": "Create account", "adapter": "entitlements", "verb": "create", "undo": "terminate"},
            {
                "id": "grant",
                "name": "Grant access",
                "adapter": "entitlements",
                "verb": "activate",
                "stage": "activate",
                "needs": ["account"],
            },
        ],
    },
    {
        "id": "reports-basic",
        "product": "reports",
        "name": "Reports Basic",
        "steps": [{"id": "grant", "name": "Grant access", "adapter": "entitlements", "verb": "create", "undo": "terminate"}],
    },
    {
        "id": "fibre-100",
        "product": "fibre",
        "name": "Fibre 100",
        "steps": [
            {"id": "dig", "name": "Order the line", "adapter": "fibreworks", "verb": "create", "point_of_no_return": True},
            {"id": "wait", "name": "Line is built", "kind": "wait_partner", "adapter": "fibreworks", "needs": ["dig"]},
        ],
    },
]
PRICES: list[dict[str, Any]] = [
    {
        "id": "crm-team-eur",
        "plan": "crm-team",
        "currency": "EUR",
        "charges": [
            {"kind": "recurring", "name": "Seat", "unit_amount": "19.00"},
            {"kind": "one_time", "name": "Set-up", "unit_amount": "50.00"},
        ],
    },
    {
        "id": "reports-basic-eur",
        "plan": "reports-basic",
        "currency": "EUR",
        "charges": [{"kind": "recurring", "name": "Reports", "unit_amount": "7.50", "per": "item"}],
    },
    {
        "id": "fibre-100-eur",
        "plan": "fibre-100",
        "currency": "EUR",
        "charges": [{"kind": "recurring", "name": "Line", "unit_amount": "39.90", "per": "item"}],
    },
]
CUSTOMERS: list[dict[str, Any]] = [
    {"id": "C-1", "name": "Aurora Labs GmbH", "country": "DE", "verified": True},
    {"id": "C-2", "name": "Unproven KG", "country": "DE"},
]
CRM: dict[str, Any] = {"id": "1", "product": "crm", "plan": "crm-team", "quantity": 5}
REPORTS: dict[str, Any] = {"id": "2", "product": "reports", "plan": "reports-basic"}
FIBRE: dict[str, Any] = {"id": "3", "product": "fibre", "plan": "fibre-100"}


def order(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A request for `items`, by default five CRM seats: 5 × 19.00 + 50.00 = 145.00 EUR."""
    return {"customer": "C-1", "currency": "EUR", "payment_method": "tok_visa", "items": list(items or [CRM])} | changes
