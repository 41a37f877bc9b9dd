"""Invariants of what customers have: access for whoever paid, and nothing built that nobody pays for."""

from collections.abc import Iterator

from domain.invariants.facts import Facts, Found, ItemFacts, OrderFacts
from domain.provisioning import RemoteState
from domain.states import ORDER, ItemState, is_terminal

GONE = frozenset({RemoteState.absent, RemoteState.failed, RemoteState.terminated})


def access_is_paid(facts: Facts) -> Iterator[Found]:
    for order, item in _items(facts):
        if item.granted and not _may_hold(order, item):
            expected = f"no access: item {item.state}, order {order.state}, {'' if item.captured else 'not '}paid"
            yield Found(f"{order.id}:{item.item}", order.id, expected, ", ".join(sorted(item.granted)))


def _may_hold(order: OrderFacts, item: ItemFacts) -> bool:
    """While the order is at work, an item that is paid, or free, is being opened or closed, and so it is where the policy lets
    an order go on while its debit is under way."""
    is_paid = item.captured or not item.due or any(payment.under_way for payment in order.payments)
    return item.state is ItemState.completed or (is_paid and not is_terminal(ORDER, order.state))


def access_follows_blocks(facts: Facts) -> Iterator[Found]:
    """While the systems that built it are being asked, and none has failed, it is on its way."""
    for service in facts.out_of_line:
        if service.due_at is None or service.trouble or facts.now - service.due_at > facts.grace:
            expected, found = ("suspended", "active, and blocked") if service.is_blocked else ("active", "suspended by nothing")
            why = service.trouble or ("nothing is due for it" if service.due_at is None else f"due at {service.due_at}")
            yield Found(service.service, service.order, expected, f"{found}: {why}")


def access_is_given(facts: Facts) -> Iterator[Found]:
    for order, item in _items(facts):
        missing = item.entitled - item.granted
        if item.state is ItemState.completed and item.live and missing:
            yield Found(f"{order.id}:{item.item}", order.id, ", ".join(sorted(item.entitled)), f"without {sorted(missing)}")


def one_account_per_item(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        for account in order.accounts or []:
            if account.created > 1:
                subject = f"{order.id}:{account.item}"
                yield Found(subject, order.id, f"one account at {account.partner}", f"{account.created} were made")


def nothing_left_built(facts: Facts) -> Iterator[Found]:
    for order in facts.orders:
        completed = {item.item for item in order.items if item.state is ItemState.completed}
        for account in order.accounts or []:
            if not is_terminal(ORDER, order.state) or (account.state in GONE) is not (account.item in completed):
                continue
            expected = "a service" if account.item in completed else "nothing"
            subject = f"{order.id}:{account.item}"
            yield Found(subject, order.id, f"{expected} at {account.partner}", f"it is {account.state}")


def _items(facts: Facts) -> list[tuple[OrderFacts, ItemFacts]]:
    return [(order, item) for order in facts.orders for item in order.items]
