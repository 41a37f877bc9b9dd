"""Examples shown in the API's documentation; they fit the sample catalogue."""

from typing import Any

ORDER: dict[str, Any] = {
    "customer": "C-100",
    "currency": "EUR",
    "payment_method": "tok_visa",
    "items": [{"id": "1", "product": "crm", "plan": "crm-team", "quantity": 5}],
}
CHANGES: dict[str, Any] = {
    "customer": "C-100",
    "currency": "EUR",
    "items": [
        {"id": "1", "action": "modify", "subscription": "S-1001-1", "plan": "crm-team", "quantity": 8, "when": "now"},
        {"id": "2", "action": "delete", "subscription": "S-1002-1", "when": "period_end"},
    ],
}
AMEND: dict[str, Any] = {"version": 1, "items": ORDER["items"], "reason": "five seats are enough"}
CUSTOMER: dict[str, Any] = {"id": "C-100", "name": "Aurora Labs GmbH", "email": "it@aurora.example", "country": "DE"}
CUSTOMER_CHANGE: dict[str, Any] = {"verified": True}
PRODUCT: dict[str, Any] = {"id": "crm", "name": "CRM"}
PLAN: dict[str, Any] = {
    "id": "crm-team",
    "product": "crm",
    "name": "CRM Team",
    "entitlements": {"crm.seats": "quantity"},
    "steps": [{"id": "grant", "name": "Grant access", "adapter": "entitlements", "verb": "create", "undo": "terminate"}],
}
PRICE: dict[str, Any] = {
    "id": "crm-team-eur",
    "plan": "crm-team",
    "currency": "EUR",
    "charges": [{"kind": "recurring", "name": "CRM Team per seat", "unit_amount": "19.00", "interval": "month"}],
}
POLICY: dict[str, Any] = {
    "id": "large-orders",
    "name": "Orders above 500 EUR",
    "above": [{"minor": 50000, "currency": "EUR"}],
}
LEGAL_ENTITY: dict[str, Any] = {
    "id": "main",
    "name": "Acme GmbH",
    "country": "DE",
    "address": {"lines": ["Ring 1"], "postcode": "10115", "city": "Berlin"},
    "email": "billing@acme.example",
    "register_number": "HRB 123456 B",
    "payment": {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX"},
    "registrations": [{"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}],
    "one_stop_shop": True,
}
TAX_RATE: dict[str, Any] = {
    "jurisdiction": {"country": "SG"},
    "tax": "GST",
    "percent": "9",
    "valid_from": "2024-01-01",
    "source": "IRAS, GST rate change",
}
COUPON: dict[str, Any] = {
    "id": "welcome",
    "name": "A quarter off for three months",
    "off": {"kind": "percent", "percent": "25"},
    "duration": "periods",
    "periods": 3,
    "redemption_limit": 100,
}
ROUTING_RULE: dict[str, Any] = {
    "id": "euro-cards",
    "priority": 10,
    "when": {"currencies": ["EUR"], "kinds": ["card"], "amount_to": 100000},
    "shares": [{"gateway": "sandbox", "weight": 70}, {"gateway": "backup", "weight": 30}],
}
FRAUD_RULE: dict[str, Any] = {
    "id": "new-and-dear",
    "priority": 10,
    "when": "order.currency == 'EUR' && order.total > 50000 && customer.orders_before == 0",
    "band": "review",
    "reason": "a first order above 500 euros",
}
FRAUD_LISTING: dict[str, Any] = {
    "list": "blocked",
    "by": "email_domain",
    "value": "throwaway.example",
    "reason": "addresses that live for an hour",
}
GATEWAY_COST: dict[str, Any] = {"gateway": "backup", "currency": "EUR", "percent": "1.4", "fixed": 25}
CREDIT: dict[str, Any] = {
    "reason": "service_failure",
    "memo": "two days of outage",
    "amount": {"minor": 1900, "currency": "EUR"},
}
INVOICE_ITEM: dict[str, Any] = {
    "customer": "C-100",
    "product": "crm",
    "description": "Migration of data",
    "amount": {"minor": 45000, "currency": "EUR"},
}
PREPAID_CREDIT: dict[str, Any] = {
    "customer": "C-100",
    "amount": {"minor": 5000, "currency": "EUR"},
    "source": "promotional",
    "reason": "sorry for the outage in March",
    "expires_at": "2030-01-01T00:00:00Z",
}
API_KEY: dict[str, Any] = {"name": "anna", "roles": ["approver"]}
CALLBACK: dict[str, Any] = {"reference": "O-1001:2", "status": "completed", "sequence": 3, "remote_id": "FW-77"}
PAYMENT_METHOD: dict[str, Any] = {"customer": "C-100", "token": "tok_visa", "default": True}
