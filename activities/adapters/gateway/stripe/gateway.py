"""Stripe, through its official SDK: PaymentIntents for what is held and taken, PaymentMethods for what is kept on file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import stripe
from pydantic import SecretStr

from activities.adapters.gateway.stripe.amounts import to_stripe
from activities.adapters.gateway.stripe.calls import MISSING, Declined, call
from activities.adapters.gateway.stripe.declines import outcome_of
from activities.adapters.gateway.stripe.events import read_event
from activities.adapters.gateway.stripe.lookup import Lookup
from activities.adapters.gateway.stripe.objects import KEY, Intent, Refund, method_facts
from activities.adapters.gateway.stripe.report import movements
from activities.adapters.http import CONNECT_SECONDS, TOTAL_SECONDS
from domain.billing.reconciliation.comparison import MovementPage
from domain.errors import Refused, Unavailable, Unknown
from domain.gateway_events import Evidence, GatewayEvent
from domain.payment_methods import MethodFacts
from domain.payments import CaptureRequest, Outcome, PaymentRequest, PaymentResult, RefundRequest, RemotePayment

API_VERSION = "2026-10-28.endive"
"""What our requests and the webhooks' endpoint are written for; an account's own default does not matter."""
DEBITS = frozenset({"sepa_debit", "us_bank_account"})
"""Taken by the customer's bank over days: there is nothing to hold, so they are captured first."""
ABSENT = "payment_absent"


class StripeGateway:
    """A token is a PaymentMethod, `pm_…`, or, where it is attached to a Customer, `cus_…:pm_…`.

    `return_url` is where a payer comes back to who had to confirm a payment; without one, only what needs no other page is
    offered.
    """

    def __init__(
        self,
        api_key: SecretStr,
        webhook_secret: SecretStr | None = None,
        *,
        url: str | None = None,
        return_url: str | None = None,
    ) -> None:
        http = stripe.HTTPXClient(timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS))
        addresses: Any = {"api": url.rstrip("/")} if url else {}
        self._client = stripe.StripeClient(
            api_key.get_secret_value(),
            stripe_version=API_VERSION,
            max_network_retries=0,
            http_client=http,
            base_addresses=addresses,
        )
        self._intents = self._client.v1.payment_intents
        self._webhook_secret = webhook_secret
        self._return_url = return_url
        self._lookup = Lookup(self._client)

    async def tokenize(self, key: str, customer: str, nonce: str) -> PaymentResult:
        """`nonce` is the PaymentMethod that the customer's browser made; it is set up for later payments without it."""
        v1 = self._client.v1
        about: Any = {"metadata": {"turnup_customer": customer}}
        confirm: Any = {"payment_method": nonce}
        try:
            kept = await call("customers", v1.customers.create_async(params=about, options=_key(f"{key}:customer")))
            setup: Any = {"customer": kept["id"], "usage": "off_session", "payment_method_types": [await self._kind(nonce)]}
            begun = await call("setup_intents", v1.setup_intents.create_async(params=setup, options=_key(key)))
            options = _key(f"{key}:confirm")
            made = await call("setup_intents", v1.setup_intents.confirm_async(begun["id"], params=confirm, options=options))
        except Declined as declined:
            return PaymentResult(outcome=outcome_of(declined.code), code=declined.code)
        except (Unavailable, Unknown) as error:
            return _unanswered(error)
        if made["status"] != "succeeded":
            return PaymentResult(
                outcome=Outcome.pending, code=str(made["status"]), message="the customer has to confirm it first"
            )
        return PaymentResult(outcome=Outcome.succeeded, reference=f"{kept['id']}:{nonce}")

    async def describe(self, token: str) -> MethodFacts:
        customer, method = _split(token)
        try:
            found = await self._method(method)
        except (Unknown, Declined) as error:
            raise Unavailable(str(error)) from error
        if customer and found.get("customer") != customer:
            raise Refused("stripe: payment_methods: detached from its customer", "payment_method_detached")
        return method_facts(found)

    async def forget(self, token: str) -> None:
        """Detached, it can never be attached or charged again. It is looked at first: Stripe refuses to detach it twice."""
        _, method = _split(token)
        try:
            if (await self._method(method)).get("customer"):
                await call("payment_methods", self._client.v1.payment_methods.detach_async(method))
        except Refused as refusal:
            if refusal.code != MISSING:
                raise
        except Declined as declined:
            raise Unknown(f"stripe: payment_methods: {declined.code}") from None

    async def authorize(self, request: PaymentRequest) -> PaymentResult:
        """A bank debit is taken at once: there is nothing to hold."""
        return await self._start(request, "manual")

    async def purchase(self, request: PaymentRequest) -> PaymentResult:
        return await self._start(request, "automatic")

    async def capture(self, request: CaptureRequest) -> PaymentResult:
        intent = await self._known(request.key, request.reference)
        if isinstance(intent, PaymentResult):
            return intent
        amount = to_stripe(request.amount)
        if intent.status == "succeeded" and intent.captured == amount:
            return intent.result()
        if intent.status in {"succeeded", "canceled"}:
            done = "captured" if intent.status == "succeeded" else "voided"
            raise Refused(f"stripe: capture {request.key}: already {done}", f"already_{done}")
        if amount > intent.amount:
            raise Refused(f"stripe: capture {request.key}: {intent.money(intent.amount)} is authorized", "amount_too_large")
        options = _key(f"{request.key}:capture")
        params: Any = {"amount_to_capture": amount}
        return await self._told(request.key, self._intents.capture_async(intent.id, params=params, options=options), "capture")

    async def void(self, key: str, reference: str | None = None) -> PaymentResult:
        try:
            intent = await self._known(key, reference)
        except Refused as refusal:
            if refusal.code != ABSENT:
                raise
            return _nothing_to_undo(RemotePayment.absent)
        if isinstance(intent, PaymentResult):
            return intent
        if intent.status == "succeeded":
            raise Refused(f"stripe: void {key}: already captured", "already_captured")
        if intent.status == "canceled":
            return intent.result()
        before = intent.result().state
        canceled = await self._told(key, self._intents.cancel_async(intent.id, options=_key(f"{key}:void")), "void")
        declined = before is RemotePayment.declined and canceled.state is RemotePayment.voided
        return _nothing_to_undo(RemotePayment.declined) if declined else canceled

    async def refund(self, request: RefundRequest) -> PaymentResult:
        """What was refunded is looked at first: the same is not asked for twice, and no more than was captured."""
        intent = await self._known(request.key, request.reference)
        if isinstance(intent, PaymentResult):
            return intent
        if intent.currency.upper() != request.amount.currency:
            raise Refused(f"stripe: refund {request.refund_key}: the payment is in {intent.currency}", "currency_mismatch")
        amount = to_stripe(request.amount)
        if (made := next((each for each in intent.refunds if each.metadata.get(KEY) == request.refund_key), None)) is not None:
            return _as_made(made, request, intent)
        if intent.refunded + amount > intent.captured:
            left = intent.money(intent.captured - intent.refunded)
            raise Refused(f"stripe: refund {request.refund_key}: {left} can still be refunded", "refund_exceeds_captured")
        params: Any = {"payment_intent": intent.id, "amount": amount, "metadata": {KEY: request.refund_key}}
        try:
            await call("refund", self._client.v1.refunds.create_async(params=params, options=_key(request.refund_key)))
            return (await self._lookup.retrieve(intent.id)).result()
        except Declined as declined:
            return PaymentResult(outcome=outcome_of(declined.code), code=declined.code, reference=intent.id)
        except (Unavailable, Unknown) as error:
            return _unanswered(error)

    async def status(self, key: str, reference: str | None = None) -> PaymentResult:
        try:
            found = await self._lookup.find(key, reference)
            absent = PaymentResult(outcome=Outcome.not_attempted, state=RemotePayment.absent, code=ABSENT)
            told = absent if found is None else found.result()
        except (Refused, Unavailable, Unknown, Declined) as error:
            return PaymentResult(outcome=Outcome.unknown, message=str(error))
        except (ValueError, TypeError, AttributeError):
            return PaymentResult(outcome=Outcome.unknown, message="stripe: status: answered with something unreadable")
        return told

    async def report(self, since: datetime, until: datetime, cursor: str | None = None) -> MovementPage:
        return await movements(self._client, since, until, cursor)

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent | None:
        secret = self._webhook_secret.get_secret_value() if self._webhook_secret else ""
        return read_event(headers.get("stripe-signature", ""), body, secret)

    async def submit_evidence(self, dispute: str, key: str, evidence: Evidence) -> None:
        """It is looked at first, since Stripe repeats a 500 under the same idempotency key for a day, in which the deadline may
        pass: each try is a call of its own, which is safe, as it sets the same evidence of the same dispute."""
        told = {
            "product_description": evidence.product,
            "customer_name": evidence.customer_name,
            "service_date": evidence.service_date,
            "access_activity_log": evidence.access_log,
            "uncategorized_text": evidence.explanation,
        }
        params: Any = {"evidence": {name: text for name, text in told.items() if text}, "submit": True}
        before = await self._of_dispute(dispute, self._client.v1.disputes.retrieve_async(dispute))
        if not (before.get("evidence_details") or {}).get("submission_count"):
            await self._of_dispute(dispute, self._client.v1.disputes.update_async(dispute, params=params))

    async def accept_dispute(self, dispute: str, key: str) -> None:
        """As `submit_evidence`: one that is lost is not closed again."""
        before = await self._of_dispute(dispute, self._client.v1.disputes.retrieve_async(dispute))
        if before.get("status") != "lost":
            await self._of_dispute(dispute, self._client.v1.disputes.close_async(dispute))

    @staticmethod
    async def _of_dispute(dispute: str, answer: Any) -> dict[str, Any]:
        try:
            return await call("disputes", answer)
        except Declined as declined:
            raise Refused(f"stripe: dispute {dispute}: {declined.code}", declined.code) from None

    async def _start(self, request: PaymentRequest, capture: str) -> PaymentResult:
        customer, method = _split(request.method)
        params: Any = {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency.lower(),
            "payment_method": method,
            "confirm": True,
            "metadata": {KEY: request.key, "order": request.description},
            "expand": ["latest_charge"],
        }
        if customer:
            params["customer"] = customer
        if request.off_session:
            params["off_session"] = True
        elif self._return_url:
            params["return_url"] = self._return_url
        if request.step_up:
            params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
        try:
            kind = await self._kind(method)
        except (Unavailable, Unknown) as error:  # nothing was asked for yet
            return PaymentResult(outcome=Outcome.not_attempted, code="not_attempted", message=str(error))
        params |= {"payment_method_types": [kind], "capture_method": "automatic" if kind in DEBITS else capture}
        return await self._told(request.key, self._intents.create_async(params=params, options=_key(request.key)), "payment")

    async def _told(self, key: str, answer: Any, what: str) -> PaymentResult:
        try:
            intent = Intent.model_validate(_flat(await call(what, answer)))
            told = intent.result()
        except Declined as declined:
            return await self._declined(key, declined)
        except (Unavailable, Unknown) as error:
            return _unanswered(error)
        except ValueError:
            return PaymentResult(outcome=Outcome.unknown, message=f"stripe: {what}: answered with something unreadable")
        self._lookup.remember(key, intent.id)
        return told

    async def _declined(self, key: str, declined: Declined) -> PaymentResult:
        reference = None
        if declined.intent is not None:
            reference = str(declined.intent.get("id"))
            self._lookup.remember(key, reference)
        state = RemotePayment.declined
        return PaymentResult(outcome=outcome_of(declined.code), state=state, code=declined.code, reference=reference)

    async def _known(self, key: str, reference: str | None) -> Intent | PaymentResult:
        """The payment, or the answer where there is none, or it cannot be looked up: nothing was asked for then."""
        try:
            found = await self._lookup.find(key, reference)
        except (Unavailable, Unknown) as error:
            return PaymentResult(outcome=Outcome.not_attempted, code="not_attempted", message=str(error))
        if found is None:
            raise Refused(f"stripe: there is no payment {key}", ABSENT)
        return found

    async def _kind(self, method: str) -> str:
        return str((await self._method(method)).get("type", "card"))

    async def _method(self, method: str) -> dict[str, Any]:
        return await call("payment_methods", self._client.v1.payment_methods.retrieve_async(method))


def _as_made(made: Refund, request: RefundRequest, intent: Intent) -> PaymentResult:
    """A refund that was made before: one that failed since gave nothing back."""
    if made.amount != to_stripe(request.amount):
        raise Refused(f"stripe: refund {request.refund_key}: it was made with another amount", "idempotency_conflict")
    if not made.counts:
        return PaymentResult(outcome=Outcome.declined_hard, code=f"refund_{made.status}", reference=intent.id)
    return intent.result()


def _key(key: str) -> Any:
    return {"idempotency_key": key}


def _split(token: str) -> tuple[str | None, str]:
    customer, colon, method = token.rpartition(":")
    return (customer, method) if colon else (None, token)


def _nothing_to_undo(state: RemotePayment) -> PaymentResult:
    return PaymentResult(outcome=Outcome.succeeded, state=state, message="nothing to undo")


def _unanswered(error: Unavailable | Unknown) -> PaymentResult:
    if isinstance(error, Unavailable):
        return PaymentResult(outcome=Outcome.not_attempted, code="not_attempted", message=str(error))
    return PaymentResult(outcome=Outcome.unknown, message=str(error))


def _flat(intent: dict[str, Any]) -> dict[str, Any]:
    """A charge that came as its id only says nothing."""
    charge = intent.get("latest_charge")
    return {**intent, "latest_charge": charge if isinstance(charge, dict) else None, "refunds": ()}
