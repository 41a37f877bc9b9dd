"""Stripe's webhook messages, in our own words."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import stripe

from activities.adapters.gateway.stripe.amounts import from_stripe
from activities.adapters.gateway.stripe.objects import KEY, method_facts
from domain.errors import Refused
from domain.gateway_events import GatewayEvent, GatewayEventKind

TOLERANCE_SECONDS = 300
"""How old a signature may be, so that a message that was overheard is worth nothing later; Stripe's own default."""
RETURNED = frozenset({"sepa_debit", "ach_debit", "us_bank_account"})
RETURN_REASONS = frozenset(
    {
        "bank_cannot_process",
        "check_returned",
        "customer_initiated",
        "debit_not_authorized",
        "incorrect_account_details",
        "insufficient_funds",
    }
)
"""Why a bank takes a debit back. Stripe tells it as a dispute that is lost from the start, with nothing to contest
(https://docs.stripe.com/api/disputes/object, `reason`); no dispute of a card has one of these."""

Facts = dict[str, Any]


def read_event(signature: str, body: bytes, secret: str) -> GatewayEvent | None:
    """None for a kind that means nothing to us. Raises Refused with code `bad_signature` or `unreadable`."""
    if not secret:
        raise Refused("stripe: no webhook secret is set", "bad_signature")
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError):
        raise Refused("stripe: the signature of a webhook message is not right", "bad_signature") from None
    try:
        event: Facts = orjson.loads(text)
        reader = _READERS.get(str(event["type"]))
        return reader(event, event["data"]["object"]) if reader else None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused("stripe: a webhook message cannot be read", "unreadable") from None


def _event(event: Facts, kind: GatewayEventKind, **facts: Any) -> GatewayEvent:
    at = datetime.fromtimestamp(int(event["created"]), UTC)
    return GatewayEvent(id=str(event["id"]), kind=kind, at=at, **facts)


def _key_of(subject: Facts) -> str | None:
    return (subject.get("metadata") or {}).get(KEY)


def _payment(event: Facts, subject: Facts) -> GatewayEvent:
    return _event(event, GatewayEventKind.payment_changed, payment=_key_of(subject))


def _charge_failed(event: Facts, charge: Facts) -> GatewayEvent:
    """A debit that fails after it was in the balance is a return; one that fails at once is only a change of its payment."""
    kind = (charge.get("payment_method_details") or {}).get("type")
    if kind not in RETURNED or not charge.get("failure_balance_transaction"):
        return _payment(event, charge)
    amount = from_stripe(int(charge["amount"]), str(charge["currency"]))
    reason = str(charge.get("failure_code") or "")
    named = {"payment": _key_of(charge), "reference": _name_of(charge.get("payment_intent"))}
    return _event(event, GatewayEventKind.payment_returned, amount=amount, reason=reason, **named)


def _refund(event: Facts, refund: Facts) -> GatewayEvent | None:
    if refund.get("status") != "failed":
        return None
    amount = from_stripe(int(refund["amount"]), str(refund["currency"]))
    reason = str(refund.get("failure_reason") or "")
    return _event(event, GatewayEventKind.refund_failed, refund=_key_of(refund), amount=amount, reason=reason)


def _dispute(kind: GatewayEventKind) -> Callable[[Facts, Facts], GatewayEvent | None]:
    def read(event: Facts, dispute: Facts) -> GatewayEvent | None:
        """None for an inquiry (`warning_…`) and one that was prevented: no money has moved. Should the bank go on to take it,
        the dispute is told again, as one that needs a response."""
        status = str(dispute.get("status"))
        if status.startswith("warning_") or status == "prevented":
            return None
        due = (dispute.get("evidence_details") or {}).get("due_by")
        settled = {"won": GatewayEventKind.dispute_won, "lost": GatewayEventKind.dispute_lost}
        said = settled.get(status, kind) if kind is not GatewayEventKind.dispute_opened else kind
        by = (dispute.get("payment_method_details") or {}).get("type")
        if by != "card" and status != "won" and dispute.get("reason") in RETURN_REASONS:
            said = GatewayEventKind.payment_returned
        fees = [int(each.get("fee") or 0) for each in dispute.get("balance_transactions") or []]
        charge = dispute.get("charge")
        return _event(
            event,
            said,
            dispute=str(dispute["id"]),
            payment=_key_of(charge) if isinstance(charge, dict) else _key_of(dispute),
            reference=_name_of(dispute.get("payment_intent")),
            amount=from_stripe(int(dispute["amount"]), str(dispute["currency"])),
            fee=from_stripe(sum(fees), str(dispute["currency"])) if fees else None,
            reason=str(dispute.get("reason") or ""),
            deadline=datetime.fromtimestamp(int(due), UTC) if due else None,
        )

    return read


def _name_of(subject: object) -> str | None:
    """Of an object that comes as its id, or whole."""
    return str(subject["id"]) if isinstance(subject, dict) else str(subject) if subject else None


def _method_updated(event: Facts, method: Facts) -> GatewayEvent:
    token = _token(method)
    return _event(event, GatewayEventKind.method_updated, method=token, facts=method_facts(method))


def _method_revoked(event: Facts, method: Facts) -> GatewayEvent:
    """The customer that it was detached from stands in what it was before."""
    before = (event["data"].get("previous_attributes") or {}).get("customer")
    return _event(
        event, GatewayEventKind.method_revoked, method=_token({**method, "customer": before or method.get("customer")})
    )


def _token(method: Facts) -> str:
    customer = method.get("customer")
    return f"{customer}:{method['id']}" if customer else str(method["id"])


_READERS: dict[str, Callable[[Facts, Facts], GatewayEvent | None]] = {
    "payment_intent.succeeded": _payment,
    "payment_intent.payment_failed": _payment,
    "payment_intent.processing": _payment,
    "payment_intent.canceled": _payment,
    "payment_intent.requires_action": _payment,
    "payment_intent.amount_capturable_updated": _payment,
    "charge.failed": _charge_failed,
    "refund.failed": _refund,
    "refund.updated": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute(GatewayEventKind.dispute_opened),
    "charge.dispute.updated": _dispute(GatewayEventKind.dispute_changed),
    "charge.dispute.closed": _dispute(GatewayEventKind.dispute_changed),
    "payment_method.updated": _method_updated,
    "payment_method.automatically_updated": _method_updated,
    "payment_method.detached": _method_revoked,
}
