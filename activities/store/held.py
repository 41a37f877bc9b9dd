"""Where something is held about a customer: table by table, which rows are of whom."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from sqlalchemy import text

from activities.store.database import Connection
from activities.store.schema import metadata

_ORDERS = "IN (SELECT id FROM orders WHERE customer = :customer)"
_SUBSCRIPTIONS = "IN (SELECT id FROM subscriptions WHERE customer = :customer)"
_INVOICES = "IN (SELECT id FROM invoices WHERE customer = :customer)"
_SERVICES = "IN (SELECT id FROM services WHERE customer = :customer)"
_METHODS = "IN (SELECT id FROM payment_methods WHERE customer = :customer)"
_PAYMENTS = "IN (SELECT key FROM payment_attempts WHERE customer = :customer)"
_OWN = "customer = :customer"

OF_CUSTOMER: dict[str, str] = {
    "customers": "id = :customer",
    "erasures": _OWN,
    "payment_methods": _OWN,
    "payment_method_events": f"method {_METHODS}",
    "orders": _OWN,
    "order_items": f"order_id {_ORDERS}",
    "order_steps": f"order_id {_ORDERS}",
    "approvals": f"order_id {_ORDERS}",
    "fallout": f"order_id {_ORDERS}",
    "events": f"order_id {_ORDERS}",
    "inbox": f"order_id {_ORDERS}",
    "capacity_reservations": f"order_id {_ORDERS}",
    "fraud_scores": f"order_id {_ORDERS}",
    "fraud_screenings": f"order_id {_ORDERS}",
    "fraud_sightings": f"order_id {_ORDERS}",
    "payments": f"order_id {_ORDERS}",
    "payment_attempts": _OWN,
    "given_up_payments": f"key {_PAYMENTS}",
    "collections": _OWN,
    "refunds": f"payment {_PAYMENTS}",
    "disputes": f"payment {_PAYMENTS}",
    "representments": f"payment {_PAYMENTS}",
    "charge_stops": _OWN,
    "services": _OWN,
    "entitlements": _OWN,
    "service_exports": _OWN,
    "access_blocks": f"service {_SERVICES}",
    "subscriptions": _OWN,
    "subscription_events": f"subscription {_SUBSCRIPTIONS}",
    "ordered_changes": f"subscription {_SUBSCRIPTIONS}",
    "recurring_revenue": f"subscription {_SUBSCRIPTIONS}",
    "due_rows": _OWN,
    "billables": _OWN,
    "invoices": _OWN,
    "invoice_events": f"invoice {_INVOICES}",
    "credit_notes": _OWN,
    "dunning_cases": _OWN,
    "dunning_openings": f"invoice {_INVOICES}",
    "receipts": _OWN,
    "receipt_parts": f"invoice {_INVOICES}",
    "wallets": _OWN,
    "customer_balances": _OWN,
    "coupon_redemptions": _OWN,
    "messages": _OWN,
    "vat_checks": _OWN,
    "vat_proofs": "vat_id IN (SELECT document #>> '{tax,vat_id}' FROM customers WHERE id = :customer)",
}
"""By table, in the order in which they are given out."""

NOT_OF_CUSTOMERS = frozenset(
    {
        "api_keys",
        "capacity_totals",
        "catalogue_entries",
        "catalogue_revision",
        "coupons",
        "differences",
        "document_numbers",
        "dunning_policies",
        "fraud_lists",
        "fraud_rules",
        "fraud_settings",
        "gateway_health",
        "idempotency_keys",
        "movements",
        "patrol_findings",
        "patrol_rounds",
        "patrol_watched",
        "reconciliations",
        "revenue_schedules",
        "routing_rules",
        "settings",
        "statements",
        "tax_rates",
        "test_clocks",
        "upstreams",
    }
)
"""What is ours, or figures without a name."""

BEHIND = frozenset(
    {"dispatches", "gateway_inbox", "ledger_entries", "ledger_transactions", "payment_method_tokens", "token_facts"}
)
"""Messages on their way, gateways' names for what is given out in our words, and bookings of what is given out as invoices and
payments."""

_SECRET = {"payment_attempts": ("method", "action"), "collections": ("method",), "customers": ("document,payment_method",)}
"""A token is as good as money at its gateway."""


async def everything(connection: Connection, customer: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """All that is held, a table and some of its rows as JSON at a time; at least once for each table."""
    for table, rows in OF_CUSTOMER.items():
        order = ", ".join(column.name for column in metadata.tables[table].primary_key)
        without = "".join(f" #- '{{{path}}}'" for path in _SECRET.get(table, ()))
        query = text(f"SELECT to_jsonb(it){without} AS row FROM {table} it WHERE {rows} ORDER BY {order}")  # noqa: S608
        found = await connection.stream(query, {"customer": customer})
        empty = True
        async for some in found.mappings().partitions(200):
            empty = False
            yield table, [_as_json(one["row"]) for one in some]
        if empty:
            yield table, []


def _as_json(row: Any) -> bytes:
    return orjson.dumps(row)
