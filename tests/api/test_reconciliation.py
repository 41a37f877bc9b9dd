"""Statements are imported, money in suspense is assigned and differences are resolved, by finance."""

import base64
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.store import customers, invoices, ledger, reconciliation
from activities.store.database import Database
from domain.billing.invoices import Invoice
from domain.billing.postings import invoice_finalized
from domain.billing.reconciliation.comparison import Booked, compare
from domain.customers import Customer
from domain.roles import Role
from tests.api.conftest import KeyFor
from tests.domain.billing.invoice_samples import EVIDENCE, invoice, issue
from tests.domain.samples import eur

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HEADER = "date,value_date,amount,currency,reference,text,counterparty\n"


def upload(*lines: str, **changes: Any) -> dict[str, Any]:
    text = HEADER + "".join(f"{line}\n" for line in lines)
    return {"format": "generic", "account": "main", "file": base64.b64encode(text.encode()).decode(), **changes}


def line(amount: str, reference: str, text: str = "") -> str:
    return f"2026-03-02,2026-03-02,{amount},EUR,{reference},{text},Jane Doe"


@pytest_asyncio.fixture(scope="module")
async def open_invoice(database: Database) -> Invoice:
    """119.00 that nobody has paid."""
    issued = issue(invoice(10000, number=777), number=777)
    async with database.transaction() as connection:
        await customers.put(connection, Customer(id="c-1", name="Someone", country="DE"), NOW)
        await invoices.issue(connection, issued, EVIDENCE, NOW)
        await ledger.post(connection, [invoice_finalized(issued, NOW)])
    return issued


async def imported(api: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/v1/reconciliation/statements", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def in_suspense(api: httpx.AsyncClient, reference: str) -> dict[str, Any]:
    listed = (await api.get("/v1/reconciliation/receipts", params={"suspense": "true", "limit": 200})).json()
    return next(dict(each) for each in listed["items"] if each["reference"] == reference)


async def test_a_file_is_imported_once_and_money_that_nobody_knows_is_assigned(
    api: httpx.AsyncClient, open_invoice: Invoice
) -> None:
    body = upload(line("19.00", "API/1 a"), line("-5.00", "API-2"))
    assert await imported(api, body) == {"lines": 2, "booked": 2, "suspense": 2}
    assert await imported(api, body) == {"lines": 2, "booked": 0, "suspense": 0}

    receipt = await in_suspense(api, "API/1 a")
    address = "/v1/reconciliation/receipts/" + receipt["key"].replace("%", "%25") + "/assign"
    answer = await api.post(address, json={"invoice": open_invoice.id, "reason": "the customer called"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["reason"]) == ("matched", "assigned by admin: the customer called")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account": None}, "account"),
        ({"format": "mt940"}, "format"),
        ({"format": "camt.053"}, "account"),
        ({"format": "camt.053", "account": None}, "line 1"),
        ({"file": "%"}, "file"),
        ({"file": base64.b64encode(b"date\n").decode()}, "line 1"),
        ({"layout": {"booked_on": "date"}}, "layout.amount"),
        ({"account": "../x y"}, "account"),
    ],
)
async def test_a_file_that_is_wrong_is_refused_with_its_place(
    api: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/reconciliation/statements", json=upload(line("1.00", "API-3"), **changes))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_file_with_one_wrong_line_books_none(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/reconciliation/statements", json=upload(line("1.00", "API-4"), line("x", "API-5")))
    listed = (await api.get("/v1/reconciliation/receipts", params={"limit": 200})).json()

    assert answer.json()["errors"][0]["field"] == "line 3, column amount"
    assert "API-4" not in [each["reference"] for each in listed["items"]]


async def test_a_difference_is_resolved_with_a_reason(api: httpx.AsyncClient, database: Database) -> None:
    found = compare([], [Booked(key="API:payment:1", amount=eur(100), at=NOW)])
    async with database.transaction() as connection:
        await reconciliation.note(connection, "sandbox", date(2026, 3, 2), ["API:payment:1"], found, NOW)
    [item] = (await api.get("/v1/reconciliation/differences", params={"open": "true"})).json()["items"]
    address = f"/v1/reconciliation/differences/{item['key']}/resolve"

    assert (item["kind"], item["owner"]) == ("missing_at_gateway", "finance")
    assert (await api.post(address, json={})).status_code == 422
    assert (await api.post(address, json={"reason": "booked twice"})).json()["resolved_by"] == "admin"
    assert (await api.post(address, json={"reason": "other"})).status_code == 409
    assert (await api.post("/v1/reconciliation/differences/none/resolve", json={"reason": "r"})).status_code == 404
    assert (await api.get("/v1/reconciliation/differences", params={"open": "true"})).json()["items"] == []


async def test_receipts_come_in_pages(api: httpx.AsyncClient) -> None:
    await imported(api, upload(*(line("0.01", f"PAGE-{number}") for number in range(3))))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        asked = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
        body = (await api.get("/v1/reconciliation/receipts", params=asked)).json()
        seen += [each["reference"] for each in body["items"]]
        if (cursor := body["next"]) is None:
            break

    assert len(seen) == len(set(seen))
    assert {"PAGE-0", "PAGE-1", "PAGE-2"} <= set(seen)


@pytest.mark.parametrize("listed", ["receipts", "differences"])
async def test_a_cursor_that_was_not_given_out_is_refused(api: httpx.AsyncClient, listed: str) -> None:
    assert (await api.get(f"/v1/reconciliation/{listed}", params={"cursor": "x"})).status_code == 422


@pytest.mark.parametrize(("role", "status"), [(Role.finance, 200), (Role.operator, 403), (Role.viewer, 403)])
async def test_finance_reconciles_and_nobody_else(base_url: str, key_for: KeyFor, role: Role, status: int) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        for listed in ("receipts", "differences", "runs"):
            assert (await client.get(f"/v1/reconciliation/{listed}")).status_code == status
