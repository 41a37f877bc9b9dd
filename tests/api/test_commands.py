"""What is asked of orders at work, and what is answered without asking."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from activities.runtime.processes import Ended, Processes
from activities.runtime.settings import Settings
from activities.runtime.temporal import connect
from activities.store import changes
from activities.store.database import Database
from domain.customers import CustomerSnapshot, Risk
from domain.errors import BadInput, Conflict, Unavailable
from domain.facts import OrderChange
from domain.fallout import Fallout, Subject
from domain.money import Money
from domain.orders import Order
from domain.roles import Role
from domain.states import OrderState
from tests.api import samples
from tests.api.conftest import KeyFor, StandIn
from tests.api.samples import CRM, REPORTS
from tests.api.test_orders import becomes, placed

OFFER = {
    "order": "O-1",
    "possible": True,
    "complete": False,
    "refunded": {"minor": 0, "currency": "EUR"},
    "released": {"minor": 14500, "currency": "EUR"},
    "kept": {"minor": 3990, "currency": "EUR"},
    "items": [],
    "message": "1 of 2 items are undone; kept are item 3: past its point of no return",
}


SOME_ORDER = Order(
    id="O-1",
    customer=CustomerSnapshot(id="C-1", country="DE", risk=Risk.normal),
    currency="EUR",
    items=[],
    catalogue_revision=1,
    placed_by="admin",
    placed_at=datetime.now(UTC),
)


@pytest.fixture
async def approver(key_for: KeyFor) -> dict[str, str]:
    return {"Authorization": f"Bearer {await key_for(Role.approver)}"}


async def stuck(database: Database, order: str, subject: Subject = Subject.step) -> str:
    now = datetime.now(UTC)
    record = Fallout(
        id=f"{order}:1:account:fallout:1",
        subject=subject,
        item="1",
        step="account",
        title="Create account",
        owner="operations",
        error="refused",
        attempts=6,
        money_at_stake=Money(minor=14500, currency="EUR"),
        opened_at=now,
        deadline=now + timedelta(days=3),
    )
    async with database.transaction() as connection:
        await changes.record(connection, OrderChange(order=order, customer="C-1", fallout=[record]))
    return record.id


async def test_an_amendment_reaches_the_process_priced(api: httpx.AsyncClient, processes: StandIn) -> None:
    """3 × 19.00 + 50.00 and 7.50."""
    order = (await placed(api))["id"]
    processes.answer = {"version": 2, "message": "amended"}
    change = {"version": 1, "items": [CRM | {"quantity": 3}, REPORTS], "reason": "fewer seats"}
    answer = await api.patch(f"/v1/orders/{order}", json=change)
    assert answer.json() == {"id": order, "version": 2, "message": "amended"}
    asked = processes.asked[0]
    assert (asked.update, asked.argument["by"], asked.argument["reason"]) == ("amend", "admin", "fewer seats")
    assert [item["due"]["minor"] for item in asked.argument["order"]["items"]] == [10700, 750]


async def test_a_stale_amendment_is_refused_unasked(api: httpx.AsyncClient, processes: StandIn) -> None:
    order = (await placed(api))["id"]
    answer = await api.patch(f"/v1/orders/{order}", json={"version": 2, "items": [CRM]})
    assert answer.status_code == 409
    assert processes.asked == []


async def test_cancelling_is_signed_with_the_keys_name(api: httpx.AsyncClient, processes: StandIn) -> None:
    order = (await placed(api))["id"]
    processes.answer = {"accepted": True, "preview": OFFER | {"complete": True}}
    answer = await api.post(f"/v1/orders/{order}/cancel", json={"reason": "ordered twice"})
    assert answer.status_code == 202
    assert processes.asked[0].argument == {"by": "admin", "reason": "ordered twice", "accept_partial": False, "items": []}


async def test_a_cancellation_that_comes_too_late_carries_an_offer(api: httpx.AsyncClient, processes: StandIn) -> None:
    order = (await placed(api))["id"]
    processes.answer = {"accepted": False, "preview": OFFER}
    answer = await api.post(f"/v1/orders/{order}/cancel")
    assert answer.status_code == 409
    assert answer.json()["preview"]["kept"] == {"minor": 3990, "currency": "EUR"}
    assert '"accept_partial": true' in answer.json()["detail"]


async def test_a_decision_is_signed_with_the_keys_name(api: httpx.AsyncClient, processes: StandIn, key_for: KeyFor) -> None:
    order = (await placed(api))["id"]
    key = await key_for(Role.approver, name="anna")
    answer = await api.post(
        f"/v1/orders/{order}/approvals", json={"decision": "approve"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.json() == {"message": "noted"}
    assert processes.asked[0].argument["by"] == "anna"


async def test_nobody_signs_with_anothers_name(api: httpx.AsyncClient, processes: StandIn, approver: dict[str, str]) -> None:
    order = (await placed(api))["id"]
    decision = {"decision": "approve", "by": "ceo"}
    answer = await api.post(f"/v1/orders/{order}/approvals", json=decision, headers=approver)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "by"
    assert processes.asked == []


async def test_nobody_decides_on_an_order_they_placed(api: httpx.AsyncClient, processes: StandIn) -> None:
    order = (await placed(api))["id"]
    answer = await api.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"})
    assert answer.status_code == 403
    assert processes.asked == []


async def test_the_clients_key_names_the_update(api: httpx.AsyncClient, processes: StandIn, approver: dict[str, str]) -> None:
    order = (await placed(api))["id"]
    for _ in range(2):
        await api.post(
            f"/v1/orders/{order}/approvals", json={"decision": "approve"}, headers=approver | {"Idempotency-Key": "k"}
        )
    assert len({asked.update_id for asked in processes.asked}) == 1


@pytest.mark.parametrize("state", [OrderState.completed, OrderState.cancelled, OrderState.failed, OrderState.rejected])
async def test_an_order_that_has_ended_is_answered_from_the_record(
    api: httpx.AsyncClient, database: Database, processes: StandIn, approver: dict[str, str], state: OrderState
) -> None:
    order = (await placed(api))["id"]
    await becomes(database, order, state)
    cancelled = await api.post(f"/v1/orders/{order}/cancel")
    amended = await api.patch(f"/v1/orders/{order}", json={"version": 1, "items": [CRM]})
    decided = await api.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}, headers=approver)
    assert [answer.status_code for answer in (cancelled, amended, decided)] == [409, 409, 409]
    assert cancelled.json()["detail"] == f"order {order} is {state}; it can no longer be cancelled"
    assert processes.asked == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (BadInput("by", "ben is not asked here"), 422),
        (Conflict("this is already decided"), 409),
        (Ended("the order has ended"), 409),
        (Unavailable("Temporal does not answer"), 503),
    ],
)
async def test_what_a_process_refuses_is_told(
    api: httpx.AsyncClient, processes: StandIn, approver: dict[str, str], refusal: Exception, status: int
) -> None:
    order = (await placed(api))["id"]
    processes.answer = refusal
    answer = await api.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}, headers=approver)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (status == 503)


async def test_temporal_being_down_is_told_as_unavailable(settings: Settings) -> None:
    processes = Processes(await connect(settings, lazy=True))
    with pytest.raises(Unavailable):
        await processes.command(SOME_ORDER, "cancel", {}, "cancel:1")


async def test_a_draft_cannot_be_decided_on(api: httpx.AsyncClient, approver: dict[str, str]) -> None:
    draft = (await placed(api, samples.order(submit=False)))["id"]
    answer = await api.post(f"/v1/orders/{draft}/approvals", json={"decision": "approve"}, headers=approver)
    assert answer.status_code == 409
    assert "submit it first" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("retry", {"data": {"address": "Elm Street 1"}}),
        ("resolve", {"evidence": "ticket 4711"}),
        ("skip", {"reason": "customer agreed"}),
        ("compensate", {"reason": "customer agreed"}),
    ],
)
async def test_fallout_is_decided_by_each_verb(
    api: httpx.AsyncClient, database: Database, processes: StandIn, verb: str, body: dict[str, object]
) -> None:
    fallout = await stuck(database, (await placed(api))["id"])
    answer = await api.post(f"/v1/fallout/{fallout}/{verb}", json=body)
    assert answer.json() == {"message": "noted"}
    argument = processes.asked[0].argument
    assert (argument["fallout"], argument["verb"], argument["by"]) == (fallout, verb, "admin")


@pytest.mark.parametrize(("verb", "field"), [("resolve", "evidence"), ("skip", "reason"), ("compensate", "reason")])
async def test_a_decision_without_its_grounds_names_the_field(
    api: httpx.AsyncClient, database: Database, processes: StandIn, verb: str, field: str
) -> None:
    fallout = await stuck(database, (await placed(api))["id"])
    answer = await api.post(f"/v1/fallout/{fallout}/{verb}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert processes.asked == []


async def test_a_verb_that_is_not_offered_is_refused(api: httpx.AsyncClient, database: Database) -> None:
    fallout = await stuck(database, (await placed(api))["id"], Subject.undo)
    answer = await api.post(f"/v1/fallout/{fallout}/skip", json={"reason": "tired of it"})
    assert answer.status_code == 409
    assert "resolve, retry" in answer.json()["detail"]


async def test_fallout_is_listed_for_its_owner_and_order(api: httpx.AsyncClient, database: Database) -> None:
    ids = [await stuck(database, (await placed(api))["id"]) for _ in range(3)]
    first = (await api.get("/v1/fallout", params={"owner": "operations", "limit": 2})).json()
    rest = (await api.get("/v1/fallout", params={"owner": "operations", "limit": 200, "cursor": first["next"]})).json()
    listed = [record["id"] for record in first["items"] + rest["items"]]
    assert set(ids) <= set(listed)
    assert len(listed) == len(set(listed))
    mine = (await api.get("/v1/fallout", params={"order": ids[0].split(":")[0]})).json()["items"]
    assert [record["id"] for record in mine] == ids[:1]
