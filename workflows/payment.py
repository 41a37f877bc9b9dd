"""The order's money: authorized before anything is provisioned, captured for what was fulfilled, else given back."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.billing import Billing
from activities.contracts.payments import AuthorizeCall, CaptureCall, Payments, Release
from domain import keys
from domain.billing.order_billing import Bill, Credit
from domain.billing.order_lines import with_dues
from domain.capture import Capture, NearExpiry, Terms, WhilePending
from domain.facts import PaymentStatus
from domain.fallout import FalloutVerb, Subject
from domain.money import Money, total
from domain.payments import Outcome, PaymentResult, RefundRequest, RemotePayment
from domain.plans import Retry
from domain.states import PaymentState
from workflows.book import Book, Wait
from workflows.calls import attempt, explain, uncancellable
from workflows.fallout import Desk, Stuck

PATIENT = Retry(attempts=8, first_wait=1, longest_wait=30)
FINANCE = "finance"
POLL = timedelta(seconds=30)
BEFORE_IT_LAPSES = timedelta(hours=1)
LONGEST_POLL = timedelta(hours=1)
"""A payment that takes days is asked about ever less often: a workflow's history has room for some thousands of questions."""


class Declined(Exception):
    """The payment was declined for good, or an operator gave it up."""


class Till:
    """One payment at a time. Each attempt that may have another outcome has a number and a key of its own; an attempt whose
    outcome is not known keeps its key until it is."""

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book = book
        self._desk = desk
        self._methods: dict[int, str] = {}
        self._step_ups: dict[int, bool] = {}
        """As each payment was first asked for: the same key with another request would be refused."""
        self._told = 0
        self.step_up = False
        """Whether the payer has to confirm the payment (3-D Secure), as the fraud rules want it."""
        self._terms: dict[int, Terms] = {}
        """What our policy said of each payment when it was begun."""
        self._captures: dict[int, Money] = {}
        """What each payment was asked to capture: a gateway captures once, so another amount takes another payment."""

    def payment_changed(self) -> None:
        """A gateway has told something: a payment that is not decided is asked about at once."""
        self._told += 1

    @property
    def current(self) -> PaymentStatus | None:
        """The payment that holds the order's money; None where none does."""
        payments = reversed(list(self._book.payments.values()))
        return next((payment for payment in payments if payment.state in _HOLDING and payment.authorized), None)

    def covers(self, amount: Money) -> bool:
        """Whether enough is held with the payment method asked for."""
        if not amount:
            return True
        held = self.current
        if held is None or self._methods[held.number] != self._method or _lapses(held):
            return False
        return amount <= held.authorized and self._captures.get(held.number, amount) == amount

    @property
    def _under_way(self) -> PaymentStatus | None:
        """The payment that its bank has not decided on, and with which the order goes on; None where there is none."""
        return next((payment for payment in self._book.payments.values() if payment.state is PaymentState.pending), None)

    def _terms_of(self, payment: PaymentStatus | None) -> Terms:
        return self._terms.get(payment.number, Terms()) if payment is not None else Terms()

    @property
    def takes_at_once(self) -> bool:
        """Whether what is held is taken before anything is built."""
        return self._terms_of(self.current).capture is Capture.at_once

    @property
    def was_taken_early(self) -> bool:
        """Whether money was taken before all that it was taken for stood."""
        terms = self._terms_of(self.current)
        return terms.capture is Capture.at_once or terms.near_expiry is NearExpiry.capture

    @property
    def taken_before(self) -> datetime | None:
        """When what is held is taken at the latest, since it would lapse; None where it may."""
        held = self.current
        if held is None or held.authorized_until is None or self._terms_of(held).near_expiry is not NearExpiry.capture:
            return None
        return held.authorized_until - 2 * BEFORE_IT_LAPSES

    @property
    def _method(self) -> str:
        return self._book.order.payment_method or ""

    async def authorize(self, amount: Money) -> None:
        """Hold `amount`; what an earlier payment held goes back once this one is in. A debit that is under way counts as held
        where the policy lets the order go on with it. Raises Declined."""
        if self.covers(amount) or self._goes_on_with(amount):
            return
        await self.decide()
        if self.covers(amount):
            return
        soft_declines = 0
        tried: list[str] = []
        number = self._next_number(amount)
        while True:
            result = await self._try_authorize(number, amount, tuple(tried))
            if result is None:
                tried.clear()
                number = self._next_number(amount)
                continue
            if result.outcome in {Outcome.succeeded, Outcome.pending}:
                break
            if result.elsewhere:
                tried.append(result.gateway or "")
                number += 1
                continue
            tried.clear()
            soft_declines += result.outcome is Outcome.declined_soft
            if result.outcome is Outcome.declined_hard:
                raise Declined(f"payment declined: {result.code or 'hard decline'}")
            if soft_declines % self._book.order.patience.soft_declines == 0:
                await self._ask_for_another_method(number, result, soft_declines)
            else:
                await workflow.sleep(self._book.order.patience.soft_decline_wait, summary="before the payment is tried again")
            number += 1
        await self._release_but(number)

    def _goes_on_with(self, amount: Money) -> bool:
        payment = self._under_way
        return payment is not None and amount <= payment.amount and self._methods[payment.number] == self._method

    async def decide(self) -> None:
        """Wait for the payment that the order went on with to be decided. Raises Declined."""
        while (payment := self._under_way) is not None and self._methods[payment.number] == self._method:
            try:
                result = await self._settled(payment.number, await self._look(payment))
            except ActivityError as error:
                await self._ask(payment.number, f"Payment {payment.number} of {payment.amount} is not decided", explain(error))
                continue
            self._conclude(payment.number, result)

    async def may_open(self) -> bool:
        """Whether access may be given before the money is in: asked about once more before it is. Raises Declined."""
        payment = self._under_way
        if payment is None or self._terms_of(payment).pending is not WhilePending.open:
            return False
        try:
            result = await self._look(payment)
        except ActivityError:
            return False
        if result.outcome is not Outcome.pending:
            self._conclude(payment.number, result)
        return result.outcome is Outcome.pending

    async def _look(self, payment: PaymentStatus) -> PaymentResult:
        return await attempt(Payments.status, Release(key=payment.key), summary="ask about the payment", retry=PATIENT)

    def _conclude(self, number: int, result: PaymentResult) -> None:
        """Of a payment that was under way. Raises Declined."""
        self._note_result(number, result)
        if result.outcome is not Outcome.succeeded:
            raise Declined(f"payment declined: {result.code or 'the debit failed'}")

    async def extend(self, amount: Money, method: str) -> None:
        """Hold a larger amount in place of what is held, now or not at all. Raises Declined; what is held then stays.

        An attempt that is pending or not known is left open, to be released with the rest.
        """
        number = max(self._book.payments, default=0) + 1
        self._methods[number] = method
        try:
            result = await self._attempt(number, amount)
        except ActivityError as error:
            raise Declined(f"payment of {amount} is not known to be authorized: {explain(error)}") from error
        if result.outcome is not Outcome.pending:
            self._note_result(number, result)
        if result.outcome is not Outcome.succeeded:
            raise Declined(f"payment of {amount} declined: {result.code or result.outcome}")
        await self._release_but(number)

    def _next_number(self, amount: Money) -> int:
        """An attempt whose outcome is not known is taken up again; only another amount or method makes a new one."""
        last = max(self._book.payments, default=0)
        payment = self._book.payments.get(last)
        open_still = payment is not None and payment.state in _UNDECIDED and not payment.authorized
        same = payment is not None and payment.amount == amount and self._methods[last] == self._method
        return last if open_still and same else last + 1

    async def _try_authorize(self, number: int, amount: Money, tried: tuple[str, ...]) -> PaymentResult | None:
        """One attempt's definite outcome; None where an operator asked to try again what is not known."""
        try:
            result = await self._attempt(number, amount, tried)
            if self._is_enough(number, result):
                self._note_under_way(number, result)
                return result
            result = await self._settled(number, result)
        except ActivityError as error:
            await self._ask(number, f"Payment {number} of {amount} is not known to be authorized", explain(error))
            return None
        self._note_result(number, result)
        return result

    def _is_enough(self, number: int, result: PaymentResult) -> bool:
        """Whether the order goes on though the outcome is pending. A payer who has to confirm is always waited for."""
        terms = self._terms.get(number, Terms())
        return result.outcome is Outcome.pending and not result.action and terms.pending is not WhilePending.wait

    def _note_under_way(self, number: int, result: PaymentResult) -> None:
        said = {"reference": result.reference, "gateway": result.gateway, "state": PaymentState.pending}
        self._book.set_payment(self._book.payments[number].model_copy(update=said))

    async def _attempt(self, number: int, amount: Money, tried: tuple[str, ...] = ()) -> PaymentResult:
        key = keys.payment(self._book.order.id, number)
        if number not in self._book.payments:
            self._methods.setdefault(number, self._method)
            self._book.set_payment(_new_payment(key, number, amount))
        elif self._book.payments[number].state is PaymentState.held:
            again = self._book.payments[number].model_copy(update={"state": PaymentState.authorizing})
            self._book.set_payment(again)
        request = AuthorizeCall(
            key=key,
            amount=amount,
            method=self._methods[number],
            description=self._book.order.id,
            customer=self._book.order.customer.id,
            country=self._book.order.customer.country,
            tried=tried,
            step_up=self._step_ups.setdefault(number, self.step_up),
        )
        await self._book.begin()
        result = await self._book.along(
            lambda first: attempt(
                Payments.authorize,
                request.model_copy(update={"first": first}),
                summary=f"authorize {amount}",
                retry=PATIENT,
            )
        )
        if result.terms is not None:
            self._terms[number] = result.terms
        return result

    async def _settled(self, number: int, result: PaymentResult) -> PaymentResult:
        """A pending authorization is asked about until it is decided. Raises Declined where the order's patience ends first;
        the attempt then stays open, to be released."""
        patience = timedelta(seconds=self._book.order.patience.payment)
        if days := self._terms.get(number, Terms()).days:
            patience = max(patience, timedelta(days=days))
        deadline = workflow.now() + patience
        release = Release(key=keys.payment(self._book.order.id, number))
        pause = POLL
        wait = Wait(text=f"payment {number} at the gateway", owner=FINANCE, deadline=deadline)
        with self._book.waiting(f"payment:{number}", wait):
            while result.outcome is Outcome.pending:
                if workflow.now() >= deadline:
                    raise Declined("the payment was never confirmed")
                await self._book.save()
                await self._until_told(min(pause, deadline - workflow.now()))
                result = await attempt(Payments.status, release, summary="ask about the payment", retry=PATIENT)
                pause = min(pause * 2, LONGEST_POLL)
        return result

    async def _until_told(self, pause: timedelta) -> None:
        """Wait for a word of the gateway, `pause` at the most."""
        before = self._told
        try:
            await workflow.wait_condition(
                lambda: self._told != before, timeout=pause, timeout_summary="before the payment is asked about again"
            )
        except TimeoutError:
            return

    def _note_result(self, number: int, result: PaymentResult) -> None:
        """What was not attempted stays open: a call that was given up may yet arrive, so it is asked about and undone once
        another payment holds the money."""
        payment = self._book.payments[number]
        if result.outcome is Outcome.succeeded:
            changes: dict[str, object] = {"state": PaymentState.authorized, "authorized": result.authorized or payment.amount}
        elif result.outcome is Outcome.not_attempted:
            changes = {"code": result.code}
        else:
            changes = {"state": PaymentState.declined, "code": result.code}
        said = {"reference": result.reference, "gateway": result.gateway, "authorized_until": result.authorized_until}
        self._book.set_payment(payment.model_copy(update={**changes, **said}))

    async def _ask_for_another_method(self, number: int, result: PaymentResult, attempts: int) -> None:
        error = f"declined {attempts} times, last as {result.code or 'soft decline'}"
        await self._ask(number, f"Payment of {self._book.payments[number].amount} is declined", error, attempts)

    async def _ask(self, number: int, title: str, error: str, attempts: int = PATIENT.attempts) -> None:
        """Let finance decide; a retry may bring another payment method. Raises Declined where it is given up."""
        payment = self._book.payments[number]
        if payment.state in {PaymentState.authorizing, PaymentState.capturing}:
            self._book.set_payment(payment.model_copy(update={"state": PaymentState.held}))
        stuck = Stuck(
            subject=Subject.payment,
            name=f"payment:{number}",
            title=title,
            error=error,
            owner=FINANCE,
            attempts=attempts,
            money_at_stake=payment.amount,
            patience=self._book.order.patience.payment,
        )
        decision = await self._desk.ask(stuck)
        if decision.verb is FalloutVerb.compensate:
            raise Declined(f"payment given up by {decision.by}: {decision.reason}")
        if method := decision.data.get("payment_method"):
            self._book.amend(self._book.order.model_copy(update={"payment_method": method}))

    async def capture(self, items: list[str]) -> None:
        """Take what the fulfilled `items` come to, once, and bill it. Raises Declined where an operator gives it up, or a debit
        that was under way fails."""
        order = with_dues(self._book.order, items)
        if order != self._book.order:
            self._book.amend(order)
        amount = total([item.due for item in order.items if item.id in items], order.currency)
        while amount:
            try:
                await self.authorize(amount)
                await self.decide()
                if self.current is None:  # another method is to pay
                    continue
                await uncancellable(self._capture_once(items, amount))
                return
            except ActivityError as error:
                held = self.current
                number = held.number if held else max(self._book.payments)
                await self._ask(number, f"Payment {number} of {amount} is not captured", explain(error))
        await self._release_but(None)
        if any(item.lines for item in order.items if item.id in items):
            await self._book.save()
            await self._bill(None, items, amount)
        for item in items:
            self._book.set_item(item, captured=True)

    async def _capture_once(self, items: list[str], amount: Money) -> None:
        """Not to be cut in two: what was captured is billed."""
        held = self.current
        if held is None:
            raise ValueError(f"order {self._book.order.id} holds no payment to capture")
        if held.state is not PaymentState.captured:
            self._captures[held.number] = amount
            self._book.set_payment(held.model_copy(update={"state": PaymentState.capturing}))
            await self._book.begin()
            request = CaptureCall(key=held.key, amount=amount)
            await self._book.along(
                lambda first: attempt(
                    Payments.capture,
                    request.model_copy(update={"first": first}),
                    summary=f"capture {amount}",
                    retry=PATIENT,
                )
            )
        await self._bill(held, items, amount)
        captured = {"state": PaymentState.captured, "captured": amount}
        self._book.set_payment(self._book.payments[held.number].model_copy(update=captured))
        for item in items:
            self._book.set_item(item, captured=True)
        self._book.save_soon()

    async def _bill(self, payment: PaymentStatus | None, items: list[str], amount: Money) -> None:
        key = payment.key if payment else None
        bill = Bill(order=self._book.order.id, items=items, payment=key, total=amount, at=workflow.now())
        stuck = Stuck(
            subject=Subject.undo,
            name="bill",
            title=f"{amount} are captured and cannot be billed",
            owner=FINANCE,
            money_at_stake=amount,
        )
        await self._desk.insist_here(Billing.bill, bill, summary=f"bill {amount} for item {', '.join(items)}", stuck=stuck)

    async def refund(self, item_id: str, amount: Money, reason: str) -> None:
        """Give one captured item's money back, and credit it."""
        if not amount:
            self._book.set_item(item_id, refunded=True)
            return
        held = self._captured()
        key = keys.refund(held.key, item_id)
        request = RefundRequest(key=held.key, refund_key=key, amount=amount)
        stuck = Stuck(
            subject=Subject.undo,
            name=f"{item_id}:refund",
            title=f"{amount} for item {item_id} cannot be refunded",
            owner=FINANCE,
            money_at_stake=amount,
            item=item_id,
        )
        summary = f"refund {amount} for item {item_id}"
        await self._desk.insist(Payments.refund, request, summary=summary, stuck=stuck)
        credit = Credit(order=self._book.order.id, item=item_id, refund=key, amount=amount, reason=reason, at=workflow.now())
        booking = stuck.model_copy(
            update={"name": f"{item_id}:credit", "title": f"{amount} for item {item_id} are refunded and cannot be credited"}
        )
        await self._desk.insist_here(Billing.credit, credit, summary=f"credit {amount} for item {item_id}", stuck=booking)
        held = self._captured()
        refunded = held.refunded + amount
        state = PaymentState.refunded if refunded == held.captured else PaymentState.partially_refunded
        self._book.set_payment(held.model_copy(update={"state": state, "refunded": refunded}))
        self._book.set_item(item_id, refunded=True)
        await self._book.save()

    def _captured(self) -> PaymentStatus:
        """As it is now: items are refunded side by side."""
        held = self.current
        if held is None:
            raise ValueError(f"order {self._book.order.id} has no captured payment to refund")
        return held

    async def release_all(self) -> None:
        """Nothing stays held: authorizations are voided, and an attempt of unknown outcome is found out and undone."""
        await self._release_but(None)

    async def _release_but(self, kept: int | None) -> None:
        for number, payment in list(self._book.payments.items()):
            if number != kept and payment.state in _OPEN:
                await self._release(number)

    async def _release(self, number: int) -> None:
        payment = self._book.payments[number]
        self._book.set_payment(payment.model_copy(update={"state": PaymentState.releasing}))
        await self._book.save()
        stuck = Stuck(
            subject=Subject.undo,
            name=f"payment:{number}:undo",
            title=f"Payment {number} of {payment.amount} cannot be released",
            owner=FINANCE,
            money_at_stake=payment.amount,
        )
        result = await self._desk.insist(
            Payments.release,
            Release(key=payment.key),
            summary=f"release payment {number}",
            stuck=stuck,
        )
        self._book.set_payment(_released(self._book.payments[number], result))
        await self._book.save()


def _lapses(held: PaymentStatus) -> bool:
    """Whether what is held lapses so soon that it is held anew: a capture takes its time, and may have to be tried again."""
    waits = held.state in {PaymentState.authorized, PaymentState.held} and not held.captured
    return waits and held.authorized_until is not None and held.authorized_until <= workflow.now() + BEFORE_IT_LAPSES


_HOLDING = {
    PaymentState.authorized,
    PaymentState.capturing,
    PaymentState.captured,
    PaymentState.partially_refunded,
    PaymentState.held,
}
_UNDECIDED = {PaymentState.authorizing, PaymentState.pending, PaymentState.held}
_OPEN = {*_UNDECIDED, PaymentState.authorized, PaymentState.capturing, PaymentState.releasing}


def _new_payment(key: str, number: int, amount: Money) -> PaymentStatus:
    nothing = Money.zero(amount.currency)
    return PaymentStatus(
        key=key,
        number=number,
        state=PaymentState.authorizing,
        amount=amount,
        authorized=nothing,
        captured=nothing,
        refunded=nothing,
    )


def _released(payment: PaymentStatus, result: PaymentResult | None) -> PaymentStatus:
    """What a release came to (None: done by hand): a capture that turned out to have happened is now refunded in full."""
    if result is not None and result.state is RemotePayment.refunded and result.captured is not None:
        amounts = {"captured": result.captured, "refunded": result.captured, "authorized": payment.amount}
        return payment.model_copy(update={"state": PaymentState.refunded, **amounts})
    declined = result is not None and result.state is RemotePayment.declined
    return payment.model_copy(update={"state": PaymentState.declined if declined else PaymentState.voided})
