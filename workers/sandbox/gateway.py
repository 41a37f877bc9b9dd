"""The payment gateway that the sandbox plays: its accounts, and the facts they leave in the journal."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.billing.reconciliation.comparison import Movement, MovementKind, MovementPage
from domain.money import Money
from domain.payments import Outcome, RemotePayment
from domain.values import Value
from workers.sandbox.idempotency import fingerprint, once
from workers.sandbox.journal import MAIN_GATEWAY, Fact, FactKind, Journal
from workers.sandbox.payments import CaptureBody, Payment, PaymentBody, PaymentMode, RefundBody, TokenBody
from workers.sandbox.replies import Problem, Reply, answer
from workers.sandbox.vault import facts_of

_FOR_EVER = 2**31
REPORT_PAGE = 200


class ForgottenView(Value):
    forgotten: bool


@dataclass(frozen=True)
class _Behaviour:
    outcome: Outcome
    code: str | None = None
    message: str = ""
    confirmed: bool = True
    """Whether asking for it ever settles it."""
    fails: bool = False
    """Whether it is declined then."""


TEST_TOKENS = {
    "tok_visa": _Behaviour(Outcome.succeeded),
    "tok_mastercard": _Behaviour(Outcome.succeeded),
    "tok_amex": _Behaviour(Outcome.succeeded),
    "tok_wallet": _Behaviour(Outcome.succeeded),
    "tok_expiring": _Behaviour(Outcome.succeeded),
    "tok_expired": _Behaviour(Outcome.declined_hard, "expired_card", "the card has expired"),
    "tok_declined_soft": _Behaviour(Outcome.declined_soft, "insufficient_funds", "the account has not enough money"),
    "tok_declined_hard": _Behaviour(Outcome.declined_hard, "stolen_card", "the card was reported stolen"),
    "tok_pending": _Behaviour(Outcome.pending),
    "tok_sepa_debit": _Behaviour(Outcome.pending),
    "tok_ach_debit": _Behaviour(Outcome.pending),
    "tok_debit_fails": _Behaviour(Outcome.pending, "insufficient_funds", "the account has not enough money", fails=True),
    "tok_sepa_slow": _Behaviour(Outcome.pending, confirmed=False),
    "tok_never_confirmed": _Behaviour(Outcome.pending, confirmed=False),
}
_INVALID_TOKEN = _Behaviour(Outcome.declined_hard, "invalid_token", "there is no such token")

NONCES = {
    "nonce_visa": ("tok_visa", "visa ending 4242"),
    "nonce_declined_soft": ("tok_declined_soft", "visa ending 9995"),
    "nonce_declined_hard": ("tok_declined_hard", "visa ending 9979"),
    "nonce_pending": ("tok_pending", "bank account ending 6789"),
}


class TokenView(Value):
    outcome: Outcome
    token: str | None = None
    code: str | None = None
    message: str = ""


class PaymentDesk:
    """The gateway `name`, which knows nothing of the payments of others. Every method is one transaction. `forced` is a decline
    that a fault orders, whatever the token would do."""

    def __init__(self, journal: Journal, pending_asks: int, name: str = MAIN_GATEWAY) -> None:
        self._journal = journal
        self._pending_asks = pending_asks
        self._name = name
        self._scope = "gateway" if name == MAIN_GATEWAY else f"gateway {name}"

    def tokenize(self, idempotency_key: str, body: TokenBody, forced: Outcome | None) -> Reply:
        def act() -> Reply:
            if forced is not None:
                return _declined_token(forced, "sandbox_declined")
            if body.nonce not in NONCES:
                return _declined_token(Outcome.declined_hard, "invalid_nonce")
            behaves_as, description = NONCES[body.nonce]
            token = f"tok_{secrets.token_hex(8)}"
            self._journal.execute("INSERT INTO tokens (token, behaves_as) VALUES (?, ?)", token, behaves_as)
            return answer(201, TokenView(outcome=Outcome.succeeded, token=token, message=description))

        return once(self._journal, self._scope, idempotency_key, fingerprint("tokenize", body), act)

    def describe(self, token: str, now: datetime) -> Reply:
        """What a person may be shown of a token."""
        facts = facts_of(self._behaves_as(token), token, now)
        if facts is None:
            raise Problem(404, "token_absent", "there is no such token")
        return answer(200, facts)

    def forget(self, token: str) -> Reply:
        """One that was given out is gone, and its nonce may be exchanged anew; the test tokens are everybody's, and stay."""
        with self._journal.transaction():
            known = self._journal.one("SELECT token FROM tokens WHERE token = ?", token) is not None
            if known:
                self._journal.execute("DELETE FROM tokens WHERE token = ?", token)
                self._journal.execute("DELETE FROM answers WHERE scope = ? AND instr(content, ?)", self._scope, token)
            return answer(200, ForgottenView(forgotten=known))

    def start(self, body: PaymentBody, forced: Outcome | None) -> Reply:
        def act() -> Reply:
            behaviour = self._behaviour(body.method) if forced is None else _Behaviour(forced, "sandbox_declined")
            payment = self._settled(_opened(body), behaviour)
            self._save(payment)
            return answer(402 if payment.decline else 201, payment.view())

        return once(self._journal, self._scope, body.key, fingerprint("start", body), act)

    def capture(self, key: str, idempotency_key: str, body: CaptureBody, forced: Outcome | None) -> Reply:
        def change(payment: Payment) -> Payment:
            return self._moved(FactKind.captured, payment.capture(body.amount), body.amount)

        return self._change(key, idempotency_key, fingerprint(f"capture {key}", body), change, forced)

    def void(self, key: str, idempotency_key: str, forced: Outcome | None) -> Reply:
        def change(payment: Payment) -> Payment:
            return self._moved(FactKind.voided, payment.void(), payment.authorized)

        return self._change(key, idempotency_key, fingerprint(f"void {key}", None), change, forced)

    def refund(self, key: str, body: RefundBody, forced: Outcome | None) -> Reply:
        def change(payment: Payment) -> Payment:
            return self._moved(FactKind.refunded, payment.refund(body.amount), body.amount, body.refund_key)

        return self._change(key, body.refund_key, fingerprint(f"refund {key}", body), change, forced)

    def status(self, key: str) -> Reply:
        """Asking often enough settles a pending payment."""
        with self._journal.transaction():
            payment = self._find(key)
            if payment.state is RemotePayment.pending:
                payment = self._asked(payment)
                self._save(payment)
            return answer(200, payment.view())

    def report(self, since: datetime, until: datetime, after: int) -> Reply:
        """A page of what moved in `[since, until)`, those after the fact with the number `after`."""
        facts = self._journal.moved(self._name, since, until, after, REPORT_PAGE + 1)
        more = len(facts) > REPORT_PAGE
        shown = facts[:REPORT_PAGE]
        return answer(200, MovementPage(movements=tuple(map(_movement, shown)), next=str(shown[-1].seq) if more else None))

    def settle(self, key: str) -> Reply:
        """What the issuer of a pending payment does in its own time. What is decided stays."""
        with self._journal.transaction():
            payment = self._find(key)
            if payment.state is RemotePayment.pending:
                payment = self._decided(payment)
                self._save(payment)
            return answer(200, payment.view())

    def _change(
        self,
        key: str,
        idempotency_key: str,
        request: str,
        change: Callable[[Payment], Payment],
        forced: Outcome | None,
    ) -> Reply:
        """A decline leaves the payment as it is and is not remembered: an undo that got one must be able to try on."""

        def act() -> Reply:
            payment = self._find(key)
            if forced is not None:
                self._record(FactKind.declined, key, detail="sandbox_declined")
                return answer(402, payment.view(forced, "sandbox_declined"), remember=False)
            changed = change(payment)
            self._save(changed)
            return answer(200, changed.view())

        return once(self._journal, self._scope, idempotency_key, request, act)

    def _settled(self, payment: Payment, behaviour: _Behaviour) -> Payment:
        if payment.step_up and behaviour.outcome in (Outcome.succeeded, Outcome.pending):
            # However often it is asked about, only the payer confirms it.
            return payment.model_copy(update={"asks_left": _FOR_EVER})
        if behaviour.outcome is Outcome.succeeded:
            return self._held(payment)
        if behaviour.outcome is Outcome.pending:
            asks = self._pending_asks if behaviour.confirmed else _FOR_EVER
            said = {"code": behaviour.code, "message": behaviour.message} if behaviour.fails else {}
            return payment.model_copy(update={"asks_left": asks, "fails": behaviour.fails, "lapses": False, **said})
        self._record(FactKind.declined, payment.key, amount=payment.amount, detail=behaviour.code or "")
        return payment.declined(behaviour.outcome, behaviour.code, behaviour.message)

    def _asked(self, payment: Payment) -> Payment:
        if payment.asks_left == 0:
            return self._decided(payment)
        return payment.model_copy(update={"asks_left": payment.asks_left - 1})

    def _decided(self, payment: Payment) -> Payment:
        if not payment.fails:
            return self._held(payment)
        self._record(FactKind.declined, payment.key, amount=payment.amount, detail=payment.code or "")
        return payment.declined(Outcome.declined_soft, payment.code, payment.message)

    def _held(self, payment: Payment) -> Payment:
        held = payment.held()
        self._record(FactKind.authorized, payment.key, amount=payment.amount)
        if payment.mode is PaymentMode.purchase:
            self._record(FactKind.captured, payment.key, amount=payment.amount)
        return held

    def _moved(self, kind: FactKind, payment: Payment, amount: Money, detail: str = "") -> Payment:
        self._record(kind, payment.key, amount=amount, detail=detail)
        return payment

    def _record(self, kind: FactKind, key: str, *, amount: Money | None = None, detail: str = "") -> None:
        self._journal.record(kind, key, amount=amount, detail=detail, gateway=self._name)

    def _place(self, key: str) -> str:
        """Where the payment is kept: a key has no blank in it, so no two gateways share a place."""
        return key if self._name == MAIN_GATEWAY else f"{self._name} {key}"

    def _behaviour(self, token: str) -> _Behaviour:
        return TEST_TOKENS.get(self._behaves_as(token), _INVALID_TOKEN)

    def _behaves_as(self, token: str) -> str:
        """The test token: this one, the one before its first hyphen, or that of the nonce it was given out for."""
        row = self._journal.one("SELECT behaves_as FROM tokens WHERE token = ?", token)
        return token.partition("-")[0] if row is None else str(row["behaves_as"])

    def _find(self, key: str) -> Payment:
        row = self._journal.one("SELECT body FROM payments WHERE key = ?", self._place(key))
        if row is None:
            raise Problem(404, "payment_absent", "there is no payment with this key")
        return Payment.model_validate_json(row["body"])

    def _save(self, payment: Payment) -> None:
        self._journal.execute(
            "INSERT INTO payments (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            self._place(payment.key),
            payment.model_dump_json(),
        )


def _movement(fact: Fact) -> Movement:
    if fact.key is None or fact.amount is None:
        raise ValueError(f"fact {fact.seq} moved no money")
    if fact.kind is FactKind.moved:
        kind, _, key = fact.detail.partition(" ")
        return Movement(id=str(fact.seq), key=key, kind=MovementKind(kind), amount=fact.amount, at=fact.at)
    took = fact.kind is FactKind.captured
    return Movement(
        id=str(fact.seq),
        key=fact.key if took else fact.detail,
        kind=MovementKind.capture if took else MovementKind.refund,
        amount=fact.amount if took else -fact.amount,
        at=fact.at,
    )


def _opened(body: PaymentBody) -> Payment:
    nothing = Money.zero(body.amount.currency)
    return Payment(
        key=body.key,
        mode=body.mode,
        amount=body.amount,
        state=RemotePayment.pending,
        reference=f"pay_{secrets.token_hex(8)}",
        authorized=nothing,
        captured=nothing,
        refunded=nothing,
        step_up=body.step_up,
    )


def _declined_token(outcome: Outcome, code: str) -> Reply:
    return answer(402, TokenView(outcome=outcome, code=code, message="the card was not accepted"), remember=False)
