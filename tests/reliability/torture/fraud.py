"""Fraud rules in the campaign: customers that they are about, and what must have become of their orders."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import httpx
from sqlalchemy import text

from activities.store.database import Connection
from domain import keys
from domain.invariants.facts import OrderFacts, Violation
from domain.states import ORDER as OF_ORDERS
from domain.states import OrderState, is_terminal
from domain.velocity import Counted
from tests.reliability.torture.shapes import Json
from tests.reliability.torture.shop import Shop

BLOCKED, WATCHED, CONFIRMED, UNDECIDED = "F-blocked", "F-watched", "F-confirmed", "F-undecided"
"""On the list of who is blocked; reviewed and approved; to confirm the payment; and reviewed, with nobody to decide."""
OFTEN = "F-often-"
"""How customers begin who order more often than they may."""
MOST, AT_ONCE = 3, 6
LETS_THROUGH = {WATCHED: OrderState.completed, CONFIRMED: OrderState.completed}
REJECTS = frozenset({BLOCKED, UNDECIDED})
SHORTLY = 6
"""Seconds that there are to decide about what nobody decides about."""

OF_FRAUD = {
    "rejected_is_untouched": "Of a rejected order no money was asked for, and nothing built.",
    "fraud_decides": "Who is blocked is rejected, what nobody decides about too, and what is approved or confirmed goes on.",
    "velocity_counts": "Of orders at the same moment no more go through than may, and each is counted once.",
}
_RULES: Sequence[Json] = (
    {"id": "often", "when": f"customer.id.startsWith('{OFTEN}') && velocity.customer_orders_1h > {MOST}", "band": "reject"},
    {"id": "much", "when": "velocity.card_amount_24h > 1000000000 && velocity.address_orders_1h > 1000", "band": "reject"},
    {"id": "watched", "when": f"customer.id == '{WATCHED}'", "band": "review"},
    {"id": "confirmed", "when": f"customer.id == '{CONFIRMED}'", "band": "step_up"},
    {"id": "scored", "when": "score.value > 90", "band": "review"},
)
"""The second and the last have the counters of all cards, and all scores, asked for."""
_SIGHTINGS = text("SELECT subject, count(*) AS orders FROM fraud_sightings WHERE subject LIKE 'customer:%' GROUP BY subject")


async def stock(api: httpx.AsyncClient) -> None:
    for customer in (BLOCKED, WATCHED, CONFIRMED, UNDECIDED):
        risk = "high" if customer == UNDECIDED else "normal"
        (await api.post("/v1/customers", json=_buyer(customer) | {"risk": risk})).raise_for_status()
    for rule in _RULES:
        document = {**rule, "reason": f"{rule['id']} says so"}
        (await api.put(f"/v1/fraud-rules/{rule['id']}", json=document)).raise_for_status()
    listing = {"list": "blocked", "by": "customer", "value": BLOCKED, "reason": "never again"}
    (await api.post("/v1/fraud-lists", json=listing)).raise_for_status()
    (await api.put("/v1/fraud-scoring", json={"when_unknown": "allow", "seconds": 2})).raise_for_status()
    policy = {"id": "undecided", "name": "Whoever is a risk", "risks": ["high"], "deadline": SHORTLY}
    (await api.put("/v1/approval-policies/undecided", json=policy)).raise_for_status()


async def place(shop: Shop, round_: str) -> list[str]:
    """Orders that the rules are about, all at once. Returns those whose payer has to confirm."""
    often = f"{OFTEN}{round_}"
    await shop.register(_buyer(often))
    wanted = [*[often] * AT_ONCE, BLOCKED, WATCHED, CONFIRMED, UNDECIDED]
    placed = [shop.place(f"{round_}-{customer}-{number}", "mail", round_, customer) for number, customer in enumerate(wanted)]
    orders = dict(zip(wanted[AT_ONCE:], (await asyncio.gather(*placed))[AT_ONCE:], strict=True))
    return [order for customer, order in orders.items() if customer == CONFIRMED and order]


def _buyer(customer: str) -> Json:
    return {"id": customer, "name": customer, "country": "DE", "verified": True, "payment_method": "tok_visa"}


async def violations(connection: Connection, orders: Sequence[OrderFacts], customers: Mapping[str, str]) -> list[Violation]:
    """`customers` says by order whose it is."""
    found = [
        _violation("rejected_is_untouched", order.id, "nothing asked for or built", f"{order.gateway}, {order.accounts}")
        for order in orders
        if order.state is OrderState.rejected and (order.gateway or order.accounts)
    ]
    passed, placed = Counter[str](), Counter[str]()
    for order in orders:
        customer = customers.get(order.id, "")
        expected = OrderState.rejected if customer in REJECTS else LETS_THROUGH.get(customer)
        if expected is not None and order.state is not expected and is_terminal(OF_ORDERS, order.state):
            found.append(_violation("fraud_decides", order.id, f"{expected}, of {customer}", order.state))
        if customer.startswith(OFTEN):
            placed[customer] += 1
            passed[customer] += order.state is not OrderState.rejected
    return [*found, *await _counted(connection, placed, passed)]


async def _counted(connection: Connection, placed: Counter[str], passed: Counter[str]) -> list[Violation]:
    seen = {row.subject: row.orders for row in await connection.execute(_SIGHTINGS)}
    found = []
    for customer, orders in placed.items():
        counted = seen.get(keys.fraud_subject(Counted.customer, customer), 0)
        if passed[customer] > MOST or counted != orders:
            said = f"{passed[customer]} went through, {counted} of {orders} are counted"
            found.append(_violation("velocity_counts", customer, f"at most {MOST}, and each counted", said))
    return found


def _violation(name: str, subject: str, expected: str, found: str) -> Violation:
    order = subject if subject.startswith("O-") else None
    return Violation(invariant=name, subject=subject, order=order, expected=expected, found=found)
