"""The judgement, from outside: what the gateway and the partners say, against the database, against the API."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.client import Client

from activities.runtime.schedules import PATROL
from activities.runtime.temporal import DATA_CONVERTER
from activities.store import order_facts, patrol
from activities.store.database import Database
from domain import keys
from domain.invariants.catalogue import INVARIANTS, violations
from domain.invariants.facts import AccountFacts, Facts, OrderFacts, PaymentFacts, Violation
from domain.states import ORDER, OrderState, is_terminal
from tests.e2e.installation import Installation, until
from tests.reliability.torture import fraud
from tests.reliability.torture.shop import Shop
from workers.sandbox.journal import Fact, FactKind, ServiceSummary, Summary

Json = dict[str, Any]
OF_CAMPAIGN = {
    "order_settles": "When everything serves again, every order comes to its end.",
    "process_ends": "The process of a settled order has ended.",
    "api_agrees": "The API shows each order as the database has it.",
    "answer_is_known": "A caller is told what was asked for, that it cannot be had now, or why not; never an error.",
    "key_is_kept": "The same request under the same key is answered with the same order, also afterwards.",
    "patrol_agrees": "The product's own patrol finds nothing.",
}
"""What only holds of a campaign that is over, or can only be seen from outside."""
PAGE = 200


def checked() -> dict[str, str]:
    """Every rule, with its sentence."""
    return {invariant.name: invariant.says for invariant in INVARIANTS} | OF_CAMPAIGN | fraud.OF_FRAUD


async def judge(installation: Installation, shop: Shop) -> tuple[list[Violation], int]:
    """All violations, and how many orders were judged."""
    database = Database(installation.running.database_url, pool_size=4)
    try:
        found = await _again_under_the_same_key(shop)
        orders = await _with_other_side(installation, await _orders(database))
        async with database.transaction() as connection:
            queued = await patrol.overdue(connection, datetime.now(UTC), timedelta(seconds=30), 1000)
        now = datetime.now(UTC)
        facts = Facts(now=now, grace=timedelta(seconds=30), orders=orders, queued=queued, promises=shop.promises)
        found += violations(facts)
        found += [*_unsettled(orders), *_strange(shop)]
        async with database.transaction() as connection:
            found += await fraud.violations(connection, orders, shop.customers())
        found += await _api(installation, orders)
        found += await _processes(installation)
        found += await patrolled(installation)
    finally:
        await database.close()
    return found, len(orders)


async def _orders(database: Database) -> list[OrderFacts]:
    async with database.transaction() as connection:
        ids = [str(row.id) for row in await connection.execute(text("SELECT id FROM orders ORDER BY number"))]
    found: list[OrderFacts] = []
    for begin in range(0, len(ids), PAGE):
        async with database.transaction() as connection:
            await order_facts.one_snapshot(connection)
            found += await order_facts.of_orders(connection, ids[begin : begin + PAGE])
    return found


async def _with_other_side(installation: Installation, orders: list[OrderFacts]) -> list[OrderFacts]:
    summary = Summary.model_validate((await installation.sandbox.get("/journal/summary")).raise_for_status().json())
    facts = [Fact.model_validate(one) for one in (await installation.sandbox.get("/journal")).raise_for_status().json()]
    captures = Counter(fact.key for fact in facts if fact.kind is FactKind.captured)
    gateway: dict[str, list[PaymentFacts]] = defaultdict(list)
    for payment in summary.payments:
        authorized, captured, voided = payment.authorized.minor, payment.captured.minor, payment.voided.minor
        said = PaymentFacts(
            key=payment.key,
            held=bool(authorized and not captured and not voided),
            captured=captured,
            refunded=payment.refunded.minor,
            captures=captures[payment.key],
        )
        gateway[payment.key.split(":")[0]].append(said)
    accounts: dict[str, list[AccountFacts]] = defaultdict(list)
    for service in summary.services:
        order, account = _account(service)
        accounts[order].append(account)
    unknown = (gateway.keys() | accounts.keys()) - {order.id for order in orders}
    assert not unknown, f"the other side knows orders that we do not: {sorted(unknown)}"
    return [order.model_copy(update={"gateway": gateway[order.id], "accounts": accounts[order.id]}) for order in orders]


def _account(service: ServiceSummary) -> tuple[str, AccountFacts]:
    order, item = keys.split_reference(service.reference) or (service.reference, "")
    return order, AccountFacts(partner=service.partner, item=item, state=service.state, created=service.accounts)


def _unsettled(orders: list[OrderFacts]) -> list[Violation]:
    return [
        _violation("order_settles", order.id, "an end", f"{order.state}, waiting on {order.waiting_on}", order.id)
        for order in orders
        if not is_terminal(ORDER, order.state) and order.state is not OrderState.draft
    ]


def _strange(shop: Shop) -> list[Violation]:
    return [_violation("answer_is_known", told.request, "an answer that says what to do", told.answer) for told in shop.strange]


async def _again_under_the_same_key(shop: Shop) -> list[Violation]:
    """Every request once more, as a shop does that has lost its own records."""
    found = []
    for promise in list(shop.promises):
        order = await shop.repeat(promise.key, shop.rounds[promise.order])
        if order != promise.order:
            found.append(_violation("key_is_kept", promise.key, promise.order, str(order), promise.order))
    return found


async def _api(installation: Installation, orders: list[OrderFacts]) -> list[Violation]:
    shown: dict[str, str] = {}
    query: dict[str, str] | None = {"limit": str(PAGE)}
    while query is not None:
        page = (await installation.api.get("/v1/orders", params=query)).raise_for_status().json()
        shown |= {order["id"]: order["state"] for order in page["items"]}
        query = {"limit": str(PAGE), "cursor": page["next"]} if page["next"] else None
    return [
        _violation("api_agrees", order.id, str(order.state), str(shown.get(order.id)), order.id)
        for order in orders
        if shown.get(order.id) != order.state
    ]


async def _processes(installation: Installation) -> list[Violation]:
    """By Temporal's own list, of orders that have ended."""
    client = await _client(installation)
    running = [run.id async for run in client.list_workflows("WorkflowType = 'order' AND ExecutionStatus = 'Running'")]
    failed = [run.id async for run in client.list_workflows("WorkflowType = 'order' AND ExecutionStatus = 'Failed'")]
    return [
        *(
            _violation("process_ends", run, "a process that has ended", "it runs", run.removeprefix("order-"))
            for run in running
        ),
        *(_violation("process_ends", run, "an end of its own", "it failed", run.removeprefix("order-")) for run in failed),
    ]


async def patrolled(installation: Installation) -> list[Violation]:
    """By its schedule, asked for a round now."""
    began = datetime.now(UTC)
    await (await _client(installation)).get_schedule_handle(PATROL).trigger()

    async def finished() -> Json | None:
        answer = (await installation.api.get("/v1/patrol", params={"open": "true"})).raise_for_status().json()
        finished = answer["finished_at"]
        return dict(answer) if finished and datetime.fromisoformat(finished) > began else None

    answer = await until(finished, "the patrol has made its round")
    return [
        _violation("patrol_agrees", one["subject"], f"{one['invariant']}: {one['expected']}", one["found"], one["order_id"])
        for one in answer["items"]
    ]


async def _client(installation: Installation) -> Client:
    running = installation.running
    return await Client.connect(running.temporal_address, namespace=running.temporal_namespace, data_converter=DATA_CONVERTER)


def _violation(name: str, subject: str, expected: str, found: str, order: str | None = None) -> Violation:
    return Violation(invariant=name, subject=subject, order=order, expected=expected, found=found)
