"""Stripe's webhook messages: only signed ones are read, and each says what it means in our words."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from pydantic import SecretStr

from activities.adapters.gateway.stripe.gateway import StripeGateway
from domain.errors import Refused
from domain.gateway_events import GatewayEvent, GatewayEventKind
from domain.money import Money
from domain.payment_methods import MethodKind

SECRET = "whsec_test"
OURS = {"turnup_key": "O-1:payment:1"}


def _signed(body: bytes, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    """By Stripe's description of its signatures: HMAC-SHA256 of `<time>.<body>` (https://docs.stripe.com/webhooks#verify-manually)."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={digest}"}


def _body(kind: str, subject: dict[str, Any], **more: Any) -> bytes:
    event = {"id": "evt_1", "object": "event", "type": kind, "created": 1_790_000_000, "data": {"object": subject, **more}}
    return json.dumps(event).encode()


def _read(body: bytes, headers: dict[str, str] | None = None) -> GatewayEvent | None:
    gateway = StripeGateway(SecretStr("sk_test_1"), SecretStr(SECRET))
    return gateway.read_event(headers if headers is not None else _signed(body), body)


def test_a_payment_that_changed_is_named_by_our_key() -> None:
    event = _read(_body("payment_intent.succeeded", {"id": "pi_1", "metadata": OURS}))

    assert event is not None
    assert (event.id, event.kind, event.payment) == ("evt_1", GatewayEventKind.payment_changed, "O-1:payment:1")


def test_a_dispute_says_how_much_why_and_until_when() -> None:
    dispute = {
        "id": "du_1",
        "amount": 5000,
        "currency": "eur",
        "reason": "fraudulent",
        "status": "needs_response",
        "charge": {"id": "ch_1", "metadata": OURS},
        "evidence_details": {"due_by": 1_790_600_000},
        "balance_transactions": [{"fee": 1500}],
    }

    event = _read(_body("charge.dispute.created", dispute))

    assert event is not None
    assert (event.kind, event.dispute, event.payment) == (GatewayEventKind.dispute_opened, "du_1", "O-1:payment:1")
    assert (event.amount, event.fee) == (Money(minor=5000, currency="EUR"), Money(minor=1500, currency="EUR"))
    assert (event.reason, event.deadline is not None) == ("fraudulent", True)


def test_a_dispute_names_its_payment_as_stripe_does_since_none_of_our_keys_is_in_it() -> None:
    """As Stripe sends it: https://docs.stripe.com/api/disputes/object, `charge` and `payment_intent` by id."""
    dispute = {"id": "du_1", "amount": 5000, "currency": "eur", "charge": "ch_1", "payment_intent": "pi_1", "metadata": {}}

    event = _read(_body("charge.dispute.created", dispute))

    assert event is not None
    assert (event.payment, event.reference) == (None, "pi_1")


@pytest.mark.parametrize(("status", "kind"), [("won", GatewayEventKind.dispute_won), ("lost", GatewayEventKind.dispute_lost)])
def test_a_closed_dispute_is_won_or_lost(status: str, kind: GatewayEventKind) -> None:
    event = _read(_body("charge.dispute.closed", {"id": "du_1", "amount": 1, "currency": "eur", "status": status}))

    assert event is not None
    assert event.kind is kind


def test_a_debit_that_was_in_the_balance_and_fails_is_returned() -> None:
    charge = {
        "id": "ch_1",
        "amount": 5000,
        "currency": "eur",
        "metadata": OURS,
        "failure_code": "insufficient_funds",
        "payment_method_details": {"type": "sepa_debit"},
    }

    late = _read(_body("charge.failed", {**charge, "failure_balance_transaction": "txn_1"}))
    at_once = _read(_body("charge.failed", charge))

    assert late is not None
    assert (late.kind, late.reason) == (GatewayEventKind.payment_returned, "insufficient_funds")
    assert at_once is not None
    assert at_once.kind is GatewayEventKind.payment_changed


def test_a_card_that_the_updater_has_news_of_is_named_as_its_token() -> None:
    card = {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2032}
    event = _read(
        _body("payment_method.automatically_updated", {"id": "pm_1", "customer": "cus_1", "type": "card", "card": card})
    )

    assert event is not None
    assert (event.method, event.facts and event.facts.exp_year) == ("cus_1:pm_1", 2032)
    assert event.facts is not None
    assert event.facts.kind is MethodKind.card


def test_a_card_that_was_taken_away_is_named_as_the_token_it_was() -> None:
    before = {"previous_attributes": {"customer": "cus_1"}}
    event = _read(_body("payment_method.detached", {"id": "pm_1", "customer": None, "type": "card"}, **before))

    assert event is not None
    assert (event.kind, event.method) == (GatewayEventKind.method_revoked, "cus_1:pm_1")


def test_what_means_nothing_to_us_is_passed_over() -> None:
    assert _read(_body("invoice.created", {"id": "in_1"})) is None


@pytest.mark.parametrize("headers", [{}, {"stripe-signature": "t=1,v1=00"}, {"stripe-signature": "nonsense"}])
def test_a_message_without_a_right_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as refusal:
        _read(_body("payment_intent.succeeded", {"id": "pi_1"}), headers)
    assert refusal.value.code == "bad_signature"


@pytest.mark.parametrize(("secret", "age"), [("whsec_other", 0), (SECRET, 301), ("", 0)])
def test_another_secret_or_an_old_signature_is_refused(secret: str, age: int) -> None:
    body = _body("payment_intent.succeeded", {"id": "pi_1"})
    with pytest.raises(Refused) as refusal:
        _read(body, _signed(body, secret, age))
    assert refusal.value.code == "bad_signature"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nothing", b'{"type": "charge.dispute.created", "data": {"object": {}}}'])
def test_a_signed_message_that_cannot_be_read_says_so(body: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        _read(body)
    assert refusal.value.code == "unreadable"


def test_without_a_secret_no_message_is_believed() -> None:
    body = _body("payment_intent.succeeded", {"id": "pi_1"})
    with pytest.raises(Refused) as refusal:
        StripeGateway(SecretStr("sk_test_1")).read_event(_signed(body, ""), body)
    assert refusal.value.code == "bad_signature"


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_closed", "prevented"])
def test_an_inquiry_has_moved_no_money_and_is_no_dispute(status: str) -> None:
    asked = {"id": "du_1", "amount": 5000, "currency": "eur", "payment_intent": "pi_1", "status": status}

    assert _read(_body("charge.dispute.created", asked)) is None


@pytest.mark.parametrize(
    ("reason", "by", "kind"),
    [
        ("insufficient_funds", None, GatewayEventKind.payment_returned),
        ("debit_not_authorized", {"type": "sepa_debit"}, GatewayEventKind.payment_returned),
        ("fraudulent", {"type": "card"}, GatewayEventKind.dispute_opened),
    ],
)
def test_a_debit_that_the_bank_takes_back_is_known_by_its_code(
    reason: str, by: dict[str, str] | None, kind: GatewayEventKind
) -> None:
    dispute = {"id": "du_1", "amount": 5000, "currency": "eur", "payment_intent": "pi_1", "status": "lost", "reason": reason}

    event = _read(_body("charge.dispute.created", {**dispute, "payment_method_details": by}))

    assert event is not None
    assert (event.kind, event.reference, event.reason) == (kind, "pi_1", reason)
