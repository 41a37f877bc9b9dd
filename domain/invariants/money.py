"""Invariants of money: what was taken is what was delivered, once, and nothing stays set aside."""

from collections import Counter
from collections.abc import Iterator

from domain.invariants.facts import Facts, Found, OrderFacts, PaymentFacts
from domain.states import ORDER, ItemState, is_terminal

CASH = "cash"
"""How the ledger's accounts of money at a gateway begin."""


def captured_is_fulfilled(facts: Facts) -> Iterator[Found]:
    """By our payments, by our ledger, and by the gateway, where it was asked."""
    for order in _settled(facts):
        fulfilled = sum(item.due for item in order.items if item.state is ItemState.completed)
        for witness, kept in _kept(order).items():
            if kept != fulfilled:
                yield Found(order.id, order.id, f"{fulfilled} kept for what is completed", f"{kept} by {witness}")


def _kept(order: OrderFacts) -> dict[str, int]:
    """What was taken and not given back, by each who says so."""
    cash = sum(posting.amount for posting in order.ledger if posting.account.split(":")[0] == CASH)
    said = {"our payments": _sum(order.payments), "the ledger": cash}
    return said if order.gateway is None else {**said, "the gateway": _sum(order.gateway)}


def _sum(payments: list[PaymentFacts]) -> int:
    return sum(payment.captured - payment.refunded for payment in payments)


def captured_once(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        for payment in order.gateway or []:
            if payment.captures > 1:
                yield Found(payment.key, order.id, "one capture", f"{payment.captures} captures")
        for witness, payments in (("our payments", order.payments), ("the gateway", order.gateway or [])):
            kept = [payment.key for payment in payments if payment.captured > payment.refunded]
            if len(kept) > 1:
                yield Found(order.id, order.id, "money kept of one payment", f"by {witness} of {', '.join(kept)}")


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
