"""Invariants of money: what was taken is what was delivered, once, and nothing stays set aside."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from domain.invariants.facts import Facts, Found, OrderFacts, PaymentFacts
from domain.keys import paid_subject
from domain.states import ORDER, ItemState, is_terminal

LONGEST_PROMISE = timedelta(hours=1)
"""How long a refund is asked for again and again before somebody should look."""
CASH = frozenset({"cash", "gateway_fees"})
"""The ledger's accounts of money at a gateway, and what the gateway has kept of it for itself."""


def captured_is_fulfilled(facts: Facts) -> Iterator[Found]:
    """By our payments, and by the gateway, where it was asked."""
    for order in _settled(facts):
        fulfilled = _fulfilled(order)
        for witness, kept in _kept(order).items():
            if kept != fulfilled:
                yield Found(order.id, order.id, f"{fulfilled} kept for what is completed", f"{kept} by {witness}")


def _kept(order: OrderFacts) -> dict[str, int]:
    """What was taken and not given back by the order itself, by each who says so. A gateway counts what was refunded on
    request, and what was collected anew, among its payments."""
    said = {"our payments": _sum(order.payments)}
    if order.gateway is None:
        return said
    return {**said, "the gateway": _sum(order.gateway) + order.after.refunded - order.after.collected}


def _fulfilled(order: OrderFacts) -> int:
    return sum(item.due for item in order.items if item.state is ItemState.completed)


def _in_ledger(order: OrderFacts) -> int:
    return sum(posting.amount for posting in order.ledger if posting.account.split(":")[0] in CASH)


def money_is_conserved(facts: Facts) -> Iterator[Found]:
    for order in _settled(facts):
        after, fulfilled, booked = order.after, _fulfilled(order), _in_ledger(order)
        if fulfilled - after.gone != booked:
            gone = f"{after.refunded} refunded, {after.disputed} disputed, {after.returned} returned"
            expected = f"{fulfilled - after.gone}: {fulfilled} for what is completed, {gone}, {after.collected} collected anew"
            yield Found(order.id, order.id, expected, f"{booked} by the ledger")


def _sum(payments: list[PaymentFacts]) -> int:
    return sum(payment.captured - payment.refunded for payment in payments)


def captured_once(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        for payment in order.gateway or []:
            if payment.captures > 1:
                yield Found(payment.key, order.id, "one capture", f"{payment.captures} captures")
        own = [payment for payment in order.gateway or [] if paid_subject(payment.key) == order.id]
        for witness, payments in (("our payments", order.payments), ("the gateway", own)):
            kept = [payment.key for payment in payments if payment.captured > payment.refunded]
            if len(kept) > 1:
                yield Found(order.id, order.id, "money kept of one payment", f"by {witness} of {', '.join(kept)}")


def paid_once(facts: Facts) -> Iterator[Found]:
    for invoice in facts.invoices:
        if invoice.payments > 1 and invoice.kept > invoice.total:
            yield Found(invoice.id, None, f"at most {invoice.total} kept", f"{invoice.kept} of {invoice.payments} payments")


def refunded_within_taken(facts: Facts) -> Iterator[Found]:
    for payment in facts.refunded:
        if payment.taken is not None and payment.back > payment.taken:
            yield Found(payment.payment, None, f"at most {payment.taken} given back", f"{payment.back} promised or given")


def refund_settles(facts: Facts) -> Iterator[Found]:
    for payment in facts.refunded:
        if payment.promised_at is not None and facts.now - payment.promised_at > LONGEST_PROMISE:
            yield Found(payment.payment, None, "given or refused", f"promised since {payment.promised_at:%Y-%m-%d %H:%M} UTC")


def nothing_held(facts: Facts) -> Iterator[Found]:
    for order in _settled(facts):
        for witness, payments in (("our payments", order.payments), ("the gateway", order.gateway or [])):
            for payment in payments:
                if payment.held:
                    yield Found(payment.key, order.id, f"nothing held, the order is {order.state}", f"open by {witness}")


def ledger_balances(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        sums: Counter[tuple[str, str]] = Counter()
        for posting in order.ledger:
            sums[posting.transaction, posting.currency] += posting.amount
        for (transaction, currency), amount in sums.items():
            if amount:
                yield Found(transaction, order.id, "debit and credit that come to 0", f"{amount} {currency}")


def _settled(facts: Facts) -> list[OrderFacts]:
    return [order for order in facts.orders if is_terminal(ORDER, order.state)]
