"""Bad input gets a precise problem, and changes nothing."""

import json
from typing import Any

import httpx
import pytest

from tests.api import samples
from tests.api.samples import CRM, FIBRE, REPORTS

JSON = {"Content-Type": "application/json"}
Field = str | None

WRONG_ORDERS: dict[str, tuple[dict[str, Any], Field]] = {
    "unknown product": (samples.order(CRM | {"product": "nope"}), "items[0].product"),
    "unknown plan": (samples.order(CRM | {"plan": "fibre-100"}), "items[0].plan"),
    "unknown customer": (samples.order(customer="C-404"), "customer"),
    "a currency without a price": (samples.order(currency="USD"), "currency"),
    "no currency at all": (samples.order(currency="XYZ"), "currency"),
    "zero quantity": (samples.order(CRM | {"quantity": 0}), "items[0].quantity"),
    "negative quantity": (samples.order(CRM, REPORTS | {"quantity": -1}), "items[1].quantity"),
    "fractional quantity": (samples.order(CRM | {"quantity": 1.5}), "items[0].quantity"),
    "quantity as text": (samples.order(CRM | {"quantity": "5"}), "items[0].quantity"),
    "quantity beyond any integer": (samples.order(CRM | {"quantity": 10**30}), "items[0].quantity"),
    "two items with one id": (samples.order(CRM, REPORTS | {"id": "1"}), "items[1].id"),
    "no items": (samples.order() | {"items": []}, "items"),
    "a required product left out": (samples.order(REPORTS), "items[0].product"),
    "items that wait for each other": (
        samples.order(CRM | {"depends_on": ["3"]}, FIBRE | {"depends_on": ["1"]}),
        "items",
    ),
    "an item that is not there": (samples.order(CRM | {"depends_on": ["9"]}), "items[0].depends_on[0]"),
    "an unknown field": (samples.order(colour="blue"), "colour"),
    "an unknown field inside": (samples.order(CRM | {"qty": 1}), "items[0].qty"),
    "a missing field": ({"customer": "C-1", "items": [CRM]}, "currency"),
    "a date without a zone": (samples.order(requested_start="2026-12-01T09:00:00"), "requested_start"),
    "a date that is none": (samples.order(requested_start="soon"), "requested_start"),
    "a date in the past": (samples.order(requested_completion="2001-01-01T00:00:00Z"), "requested_completion"),
    "a date beyond all planning": (samples.order(requested_start="9999-01-01T00:00:00Z"), "requested_start"),
    "a date before the first one": (samples.order(requested_start="0001-01-01T00:00:00+14:00"), None),
    "no payment method": ({**samples.order(), "payment_method": None}, "payment_method"),
    "a card number": (samples.order(payment_method="4242 4242 4242 4242"), "payment_method"),
    "wrong types": (samples.order(items="crm"), "items"),
    "a NUL character": (samples.order(external_reference="a\x00b"), "external_reference"),
    "a NUL in a name": (samples.order(CRM | {"characteristics": {"a\x00": "b"}}), "items[0].characteristics"),
    "a lone surrogate": (samples.order(external_reference="\ud800"), "external_reference"),
}


@pytest.mark.parametrize(("body", "field"), WRONG_ORDERS.values(), ids=list(WRONG_ORDERS))
async def test_a_wrong_order_names_its_field(api: httpx.AsyncClient, body: dict[str, Any], field: Field) -> None:
    before = (await api.get("/v1/orders", params={"limit": 1})).json()
    answer = await api.post("/v1/orders", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["detail"]
    if field:
        assert problem["errors"][0]["field"] == field
        assert len(problem["errors"][0]["message"]) > 5
    assert (await api.get("/v1/orders", params={"limit": 1})).json() == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"customer": "\xed\xa0\x80"}', 400),
        ('{"customer": "C-1"}'.encode("utf-16"), 400),
        (b"[" * 100_000, 400),
        (b'{"customer": ' + b"9" * 5000 + b"}", 400),
        (b"null", 422),
        (b"[]", 422),
        (b"", 422),
        (b'"' + b"x" * 10_000_000 + b'"', 413),
    ],
    ids=["cut off", "not UTF-8", "a surrogate in bytes", "UTF-16", "deep", "long number", "null", "list", "empty", "10 MB"],
)
async def test_a_body_that_is_no_order_is_refused(api: httpx.AsyncClient, content: bytes, status: int) -> None:
    answer = await api.post("/v1/orders", content=content, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status


async def test_ten_megabytes_in_chunks_are_refused(api: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(160):
            yield b"x" * 65536

    answer = await api.post("/v1/orders", content=chunks(), headers=JSON)
    assert answer.status_code == 413


async def test_another_media_type_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/orders", content=json.dumps(samples.order()), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize("key", ["", "x" * 201, "schl\u00fcssel".encode().decode("latin-1"), "a\tb"])
async def test_a_bad_idempotency_key_is_refused(api: httpx.AsyncClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Content-Type", b"application/json")]
    answer = await api.post("/v1/orders", content=json.dumps(samples.order()), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/orders?state=asleep", "state"),
        ("/v1/orders?cursor=abc", "cursor"),
        ("/v1/orders?cursor=99999999999999999999", "cursor"),
        ("/v1/orders?limit=0", "limit"),
        ("/v1/orders?limit=99999999999999999999999", "limit"),
        ("/v1/orders?waiting_on=", "waiting_on"),
        ("/v1/orders?waitingon=x", "waitingon"),
        ("/v1/orders?waiting_on=a%00", "query"),
        ("/v1/orders/O-1%00", "path"),
        ("/v1/orders/O-1/events?after=-1", "after"),
        ("/v1/orders/O-1/events?after=4294967296", "after"),
        ("/v1/fallout?cursor=abc", "cursor"),
        ("/v1/fallout?cursor=eyJvcGVuIjp0cnVlfQ", "cursor"),
        ("/v1/customers?cursor=%2520", "cursor"),
    ],
)
async def test_a_bad_address_names_its_part(api: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


async def test_an_address_of_nothing_is_a_problem_too(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await api.put("/v1/orders", json={})).status_code == 405


async def test_what_nobody_foresaw_has_an_id_and_no_trace(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr("activities.store.views.order_lines", broken)
    answer = await api.get("/v1/orders")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["id"] == answer.headers["x-request-id"]
