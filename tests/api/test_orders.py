"""Placing orders and looking at them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.store import changes
from activities.store.database import Database
from api.samples import COUPON
from domain.facts import Event, ItemStatus, OrderChange, OrderStatus
from domain.jeopardy import Jeopardy
from domain.states import ItemState, OrderState
from tests.api import samples
from tests.api.samples import CRM, FIBRE, REPORTS


async def placed(api: httpx.AsyncClient, body: dict[str, Any] | None = None, key: str | None = None) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await api.post("/v1/orders", json=body or samples.order(), headers=headers)
    assert answer.status_code in {200, 201, 202}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def becomes(database: Database, order: str, state: OrderState, *items: ItemStatus, **status: Any) -> None:
    """Write what the order's workflow would."""
    event = Event(key=f"order:{state}", type=f"order.{state}", at=datetime.now(UTC), actor="turnup", summary=str(state))
    change = OrderChange(
        order=order, customer="C-1", events=[event], status=OrderStatus(state=state, **status), items=list(items)
    )
    async with database.transaction() as connection:
        await changes.record(connection, change)


async def test_an_order_is_accepted_while_temporal_is_down(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/orders", json=samples.order())
    assert answer.status_code == 202
    body = answer.json()
    assert body["state"] == "acknowledged"
    assert body["total"] == {"minor": 14500, "currency": "EUR"}
    assert answer.headers["Location"] == f"/v1/orders/{body['id']}"


async def test_it_shows_what_it_holds_and_where_else_to_look(api: httpx.AsyncClient) -> None:
    order = (await placed(api, samples.order(CRM, REPORTS)))["id"]
    body = (await api.get(f"/v1/orders/{order}")).json()
    assert [item["item"] for item in body["items"]] == ["1", "2"]
    assert [(step["item"], step["step"], step["state"]) for step in body["steps"]] == [
        ("1", "account", "waiting"),
        ("1", "grant", "waiting"),
        ("2", "grant", "waiting"),
    ]
    assert body["payments"] == body["fallout"] == body["approvals"] == body["ledger"] == []
    assert body["links"]["console"] == f"/console/orders/{order}"
    assert body["links"]["temporal"] == f"http://temporal.example/namespaces/default/workflows/order-{order}"


async def test_several_items_totals_add_up(api: httpx.AsyncClient) -> None:
    """5 × 19.00 + 50.00, 7.50 and 39.90."""
    body = await placed(api, samples.order(CRM, REPORTS, FIBRE))
    assert body["total"] == {"minor": 14500 + 750 + 3990, "currency": "EUR"}


async def test_placing_charges_the_previewed_amount(api: httpx.AsyncClient) -> None:
    request = samples.order(CRM, REPORTS, FIBRE, customer="C-2")
    preview = (await api.post("/v1/orders/preview", json=request)).json()
    assert (await placed(api, request))["total"] == preview["total"]
    assert [item["due"]["minor"] for item in preview["items"]] == [14500, 750, 3990]
    assert preview["points_of_no_return"] == ["item 3: Order the line"]
    assert [blocker["subject"] for blocker in preview["blockers"]] == ["customer:C-2"]
    assert len(preview["items"][0]["steps"]) == 2


async def test_a_preview_keeps_nothing(api: httpx.AsyncClient) -> None:
    before = (await api.get("/v1/orders", params={"limit": 1})).json()["items"][0]["id"]
    await api.post("/v1/orders/preview", json=samples.order())
    assert (await api.get("/v1/orders", params={"limit": 1})).json()["items"][0]["id"] == before


async def test_the_same_key_and_body_is_the_same_order(api: httpx.AsyncClient) -> None:
    first = await api.post("/v1/orders", json=samples.order(), headers={"Idempotency-Key": "once"})
    again = await api.post("/v1/orders", json=samples.order(), headers={"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


async def test_the_same_key_with_another_body_is_refused(api: httpx.AsyncClient) -> None:
    await placed(api, key="twice")
    answer = await api.post("/v1/orders", json=samples.order(REPORTS, CRM), headers={"Idempotency-Key": "twice"})
    assert answer.status_code == 409
    assert "twice" in answer.json()["detail"]


async def test_twenty_at_once_with_one_key_make_one_order(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(placed(api, key="crowd") for _ in range(20)))
    assert len({answer["id"] for answer in answers}) == 1


async def test_of_two_requests_at_once_under_one_key_one_is_taken(api: httpx.AsyncClient) -> None:
    """Also where they are taken in different ways: a coupon is locked, a draft is not accepted."""
    await api.put("/v1/coupons/contested", json=COUPON | {"id": "contested"})
    coupon, draft = samples.order() | {"coupons": ["contested"]}, samples.order() | {"submit": False}
    for number in range(5):
        headers = {"Idempotency-Key": f"contested-{number}"}
        bodies = [samples.order(), samples.order(REPORTS, CRM), coupon, draft]
        answers = await asyncio.gather(*(api.post("/v1/orders", json=body, headers=headers) for body in bodies))
        assert sorted(answer.status_code // 100 for answer in answers) == [2, 4, 4, 4], [each.text for each in answers]
        assert {answer.status_code for answer in answers} <= {201, 202, 409}
        [taken] = [body for body, answer in zip(bodies, answers, strict=True) if answer.is_success]
        again = await api.post("/v1/orders", json=taken, headers=headers)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")


async def test_of_many_at_once_each_is_answered_for_itself(api: httpx.AsyncClient) -> None:
    wrong = samples.order() | {"customer": "nobody"}
    dear = samples.order(CRM | {"quantity": 9_999_999_999})
    bodies = [samples.order(), wrong, samples.order(REPORTS, CRM), dear, samples.order(FIBRE)] * 4
    bodies = [body | {"external_reference": f"PO-{number}"} for number, body in enumerate(bodies)]
    answers = await asyncio.gather(*(api.post("/v1/orders", json=body) for body in bodies))
    assert [answer.status_code for answer in answers] == [202, 422, 202, 422, 202] * 4
    assert answers[1].json()["errors"][0]["field"] == "customer"
    taken = {answer.json()["id"]: body for body, answer in zip(bodies, answers, strict=True) if answer.is_success}
    assert len(taken) == 12
    for order, body in taken.items():
        detail = (await api.get(f"/v1/orders/{order}")).json()
        assert detail["order"]["external_reference"] == body["external_reference"]
        assert [item["product"]["id"] for item in detail["order"]["items"]] == [item["product"] for item in body["items"]]
        assert [item["item"] for item in detail["items"]] == [item["id"] for item in body["items"]]
        assert [event["type"] for event in (await api.get(f"/v1/orders/{order}/events")).json()["items"]] == [
            "order.acknowledged"
        ]


async def test_a_request_refused_under_a_key_can_be_put_right_under_it(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "mended"}
    wrong = await api.post("/v1/orders", json=samples.order(customer="nobody"), headers=headers)
    assert wrong.status_code == 422
    assert (await api.post("/v1/orders", json=samples.order(), headers=headers)).status_code == 202


async def test_a_draft_is_kept_changed_and_submitted(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/orders", json=samples.order(submit=False))
    assert answer.status_code == 201
    draft = answer.json()
    assert draft["state"] == "draft"
    changed = await api.patch(f"/v1/orders/{draft['id']}", json={"version": 1, "items": [CRM | {"quantity": 1}]})
    assert changed.json()["version"] == 2
    submitted = await api.post(f"/v1/orders/{draft['id']}/submit")
    assert submitted.status_code == 202
    assert submitted.json()["total"]["minor"] == 1900 + 5000
    assert submitted.json()["version"] == 2
    assert (await api.post(f"/v1/orders/{draft['id']}/submit")).status_code == 409


async def test_submitting_twice_under_a_key_is_submitting_once(api: httpx.AsyncClient) -> None:
    draft = (await placed(api, samples.order(submit=False)))["id"]
    headers = {"Idempotency-Key": "submit-once"}
    first = await api.post(f"/v1/orders/{draft}/submit", headers=headers)
    again = await api.post(f"/v1/orders/{draft}/submit", headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)


async def test_a_draft_changed_against_a_stale_version_is_refused(api: httpx.AsyncClient) -> None:
    draft = (await placed(api, samples.order(submit=False)))["id"]
    await api.patch(f"/v1/orders/{draft}", json={"version": 1, "items": [CRM]})
    stale = await api.patch(f"/v1/orders/{draft}", json={"version": 1, "items": [CRM, REPORTS]})
    assert stale.status_code == 409
    assert "version 2" in stale.json()["detail"]


async def test_a_cancelled_draft_is_final(api: httpx.AsyncClient) -> None:
    draft = (await placed(api, samples.order(submit=False)))["id"]
    cancelled = await api.post(f"/v1/orders/{draft}/cancel", json={"reason": "changed my mind"})
    assert cancelled.status_code == 202
    assert (await api.get(f"/v1/orders/{draft}")).json()["state"] == "cancelled"
    assert (await api.post(f"/v1/orders/{draft}/submit")).status_code == 409


async def test_pages_hold_each_order_once_the_newest_first(api: httpx.AsyncClient) -> None:
    mine = [(await placed(api))["id"] for _ in range(5)]
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 2}
    while len(seen) < 5:
        body = (await api.get("/v1/orders", params=params)).json()
        seen += [line["id"] for line in body["items"]]
        params["cursor"] = body["next"]
    assert seen[:5] == mine[::-1]


async def test_lists_are_filtered_by_state_customer_and_what_is_waited_for(api: httpx.AsyncClient, database: Database) -> None:
    order = (await placed(api, samples.order(customer="C-2")))["id"]
    waiting = "customer C-2 has to be verified"
    await becomes(database, order, OrderState.pending, waiting_on=waiting, jeopardy=Jeopardy.hazard)
    for name, value in {"state": "pending", "waiting_on": "customer C-2", "jeopardy": "hazard"}.items():
        found = (await api.get("/v1/orders", params={name: value, "customer": "C-2"})).json()["items"]
        assert [line["id"] for line in found] == [order], name
    assert (await api.get("/v1/orders", params={"waiting_on": "customer_C"})).json()["items"] == []


async def test_a_requested_start_is_waited_for(api: httpx.AsyncClient) -> None:
    start = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    order = (await placed(api, samples.order(requested_start=start.isoformat())))["id"]
    waiting = (await api.get(f"/v1/orders/{order}")).json()["waiting_on"]
    assert waiting == f"requested start {start:%Y-%m-%d %H:%M} UTC"


async def test_cancelling_is_previewed_from_what_is_recorded(api: httpx.AsyncClient, database: Database) -> None:
    order = (await placed(api, samples.order(CRM, FIBRE)))["id"]
    gone = ItemStatus(item="3", state=ItemState.in_progress, point_of_no_return_passed=True)
    await becomes(database, order, OrderState.in_progress, gone)
    answer = await api.post(f"/v1/orders/{order}/cancel", params={"preview": True})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["possible"], body["complete"]) == (True, False)
    assert body["released"] == {"minor": 14500, "currency": "EUR"}
    assert body["kept"] == {"minor": 3990, "currency": "EUR"}


@pytest.mark.parametrize("path", ["", "/events", "/cancel", "/approvals", "/submit"])
async def test_an_unknown_order_is_not_found(api: httpx.AsyncClient, path: str) -> None:
    method = "GET" if path in {"", "/events"} else "POST"
    body = {"decision": "approve"} if path == "/approvals" else {}
    answer = await api.request(method, f"/v1/orders/O-999999{path}", json=body if method == "POST" else None)
    assert answer.status_code == 404
    assert "O-999999" in answer.json()["detail"]
