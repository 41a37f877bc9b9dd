"""The ledger through the API and the command line: entries, balances, and an export that Beancount itself accepts."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from beancount import loader
from beancount.core.data import Transaction

from activities.store import balances, customers, invoices, ledger, legal_entities, prepaid_credits
from activities.store.database import Connection, Database
from domain.billing.cash_postings import Payment, PaymentPart, payment_received, refunded
from domain.billing.credit_notes import applied
from domain.billing.credits import GrantRequest
from domain.billing.entities import DEFAULT
from domain.billing.evidence import Evidence
from domain.billing.gathering import GatheringSettings
from domain.billing.invoices import receive
from domain.billing.postings import credit_note_issued, invoice_finalized
from domain.customers import Customer
from domain.money import Money
from domain.roles import Role
from tests.activities.adapters.documents.samples import credit_of, invoice_of
from tests.api.conftest import KeyFor
from tests.domain.billing.line_samples import line
from tests.workers.test_cli import turnup

MARCH = datetime(2026, 3, 2, 12, tzinfo=UTC)
APRIL = MARCH + timedelta(days=31)
BEAN_CHECK = Path(sys.executable).with_name("bean-check")


@pytest_asyncio.fixture(scope="module", autouse=True)
async def booked(database: Database) -> AsyncIterator[None]:
    """In EUR and in yen, in March: an invoice of 10,000 net and 1,900 of tax, which is paid by card. In April: half of it is
    credited and refunded, and 500 of credit are given. The books are kept in Berlin."""
    berlin = DEFAULT.model_copy(update={"gathering": GatheringSettings(timezone="Europe/Berlin")})
    async with database.transaction() as connection:
        await legal_entities.put(connection, berlin)
        await customers.put(connection, Customer(id="led-1", name="Someone", country="DE"), MARCH)
        for currency in ("EUR", "JPY"):
            await _sell_and_take_back(connection, currency)
    yield
    async with database.transaction() as connection:
        await legal_entities.put(connection, DEFAULT)


async def _sell_and_take_back(connection: Connection, currency: str) -> None:
    def money(minor: int) -> Money:
        return Money(minor=minor, currency=currency)

    own = {"id": f"LED-{currency}", "number": f"LED-{currency}", "customer": "led-1", "legal_entity": "main"}
    issued = invoice_of([line(10_000, currency=currency, charge=f"led-{currency}")]).model_copy(update=own)
    parts = (PaymentPart(invoice=issued.id, amount=money(11_900)),)
    payment = Payment(key=f"LED-{currency}:payment", at=MARCH, customer="led-1", parts=parts, over=money(0))
    paid = receive(issued, money(11_900), MARCH.date()).invoice
    note = credit_of(paid, amount=money(5_000)).model_copy(update={"id": f"LED-{currency}:credit:1"})
    deferred = {each.id: each.amount for each in issued.lines}
    buyer = await customers.get(connection, "led-1")
    await invoices.issue(connection, issued, Evidence(seller=DEFAULT, buyer=buyer), MARCH)
    await invoices.save(connection, issued, applied(paid, note, APRIL.date()))
    sold = [invoice_finalized(issued, MARCH), payment_received(payment, "stripe")]
    back = [
        credit_note_issued(note, deferred, APRIL),
        refunded(f"LED-{currency}:refund", "stripe", "led-1", money(5_950), APRIL),
    ]
    await ledger.post(connection, [*sold, *back])
    await balances.change(connection, "led-1", money(0))
    given = {"customer": "led-1", "amount": money(500), "source": "promotional", "reason": "sorry"}
    await prepaid_credits.grant(connection, GrantRequest.model_validate(given), f"led-{currency}", "anna", APRIL)


async def entries(api: httpx.AsyncClient, **asked: Any) -> list[tuple[str, int]]:
    found = await api.get("/v1/ledger/entries", params=asked)
    assert found.status_code == 200, found.text
    return [(each["account"], each["amount"]["minor"]) for each in found.json()["items"]]


async def test_entries_are_found_by_what_they_are_about(api: httpx.AsyncClient) -> None:
    assert await entries(api, subject="LED-EUR", account="receivable") == [("receivable", 11900), ("receivable", -11900)]
    assert await entries(api, subject="LED-JPY", account="tax_payable") == [("tax_payable:DE", -1900), ("tax_payable:DE", 950)]
    assert await entries(api, subject="LED-JPY", account="tax_payable:DE", until=APRIL.isoformat()) == [
        ("tax_payable:DE", -1900)
    ]
    assert await entries(api, subject="LED-JPY", account="tax_payable", since=APRIL.isoformat()) == [("tax_payable:DE", 950)]
    assert await entries(api, order="O-1") == []


async def test_entries_come_in_pages(api: httpx.AsyncClient) -> None:
    whole = await entries(api, subject="led-1", limit=200)
    seen: list[tuple[str, int]] = []
    asked: dict[str, Any] = {"subject": "led-1", "limit": 1}
    while True:
        body = (await api.get("/v1/ledger/entries", params=asked)).json()
        seen += [(each["account"], each["amount"]["minor"]) for each in body["items"]]
        if body["next"] is None:
            break
        asked["cursor"] = body["next"]

    assert seen == whole
    assert len(seen) == 6


async def test_balances_of_each_currency_add_up_to_nothing(api: httpx.AsyncClient) -> None:
    """Until April, the yen stand where the invoice and its payment left them; no other test books any."""
    body = (await api.get("/v1/ledger/balances", params={"at": APRIL.isoformat()})).json()
    yen = {each["account"]: each["balance"]["minor"] for each in body["balances"] if each["balance"]["currency"] == "JPY"}
    now = (await api.get("/v1/ledger/balances")).json()
    sums: dict[str, int] = {}
    for each in now["balances"]:
        sums[each["balance"]["currency"]] = sums.get(each["balance"]["currency"], 0) + each["balance"]["minor"]

    assert yen == {"cash:stripe": 11900, "deferred_revenue": -10000, "receivable": 0, "tax_payable:DE": -1900}
    assert set(sums.values()) == {0}
    assert (body["at"], now["at"]) == ("2026-04-02T12:00:00Z", None)


def checked(file: Path) -> None:
    done = subprocess.run([BEAN_CHECK, "--no-cache", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def yen_of(file: Path) -> dict[str, int]:
    """What Beancount makes of the yen, by account."""
    found, errors, _ = loader.load_file(str(file))
    assert errors == []
    result: dict[str, int] = {}
    for posting in (each for entry in found if isinstance(entry, Transaction) for each in entry.postings):
        units: Any = posting.units
        if units.currency == "JPY":
            result[posting.account] = result.get(posting.account, 0) + int(units.number)
    return {account: minor for account, minor in result.items() if minor}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def exported(api: httpx.AsyncClient, admin_key: str, folder: Path, *words: str) -> Path:
    settings = {"api_url": str(api.base_url), "api_key": admin_key}
    options = ("ledger", "export", "--out", "books.beancount", *words)
    done = await asyncio.to_thread(turnup, *options, cwd=folder, **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert names_in(folder) == ["books.beancount"]
    return folder / "books.beancount"


LEFT = {
    "Assets:Cash:Stripe": 5950,
    "Liabilities:DeferredRevenue": -5000,
    "Liabilities:TaxPayable:DE": -950,
    "Expenses:Promotions": 500,
    "Liabilities:PrepaidCredit": -500,
}
"""11,900 less 5,950; half of 10,000 and of 1,900."""


async def test_the_whole_ledger_is_exported_and_beancount_accepts_it(
    api: httpx.AsyncClient, admin_key: str, tmp_path: Path
) -> None:
    file = await exported(api, admin_key, tmp_path)

    checked(file)
    assert yen_of(file) == LEFT


async def test_a_later_part_begins_with_what_the_accounts_stood_at(
    api: httpx.AsyncClient, admin_key: str, tmp_path: Path
) -> None:
    file = await exported(api, admin_key, tmp_path, "--since", "2026-04-01", "--until", "2026-05-01")

    checked(file)
    assert yen_of(file) == LEFT
    assert '2026-04-01 * "Opening balances"' in file.read_text()
    assert "LED-JPY:payment" not in file.read_text()


async def test_days_are_those_of_the_books(api: httpx.AsyncClient) -> None:
    """2 April, 12:00 UTC is that day in Berlin; the day ends at 22:00 UTC."""
    before = await api.get("/v1/ledger/export", params={"since": "2026-04-02", "until": "2026-04-03"})
    after = await api.get("/v1/ledger/export", params={"since": "2026-04-03"})

    assert "LED-JPY:refund" in before.text
    assert "LED-JPY:refund" not in after.text
    assert before.headers["content-type"].startswith("text/plain")


async def test_without_a_file_it_goes_to_standard_output(api: httpx.AsyncClient, admin_key: str, tmp_path: Path) -> None:
    settings = {"api_url": str(api.base_url), "api_key": admin_key}
    done = await asyncio.to_thread(turnup, "ledger", "export", cwd=tmp_path, **settings)

    assert done.stdout.startswith('option "title" "Ledger"\n')
    assert done.stdout.endswith("JPY\n")


async def test_a_wrong_span_is_one_line_and_leaves_no_file(api: httpx.AsyncClient, admin_key: str, tmp_path: Path) -> None:
    settings = {"api_url": str(api.base_url), "api_key": admin_key}
    words = ("ledger", "export", "--out", "x", "--since", "2026-04-02", "--until", "2026-04-02")
    done = await asyncio.to_thread(turnup, *words, cwd=tmp_path, **settings)

    assert (done.returncode, done.stderr) == (1, "turnup: until: must be after since (422)\n")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("entries?account=petty", "account"),
        ("entries?account=petty:x", "account"),
        ("entries?since=2026-03-02T00:00:00", "since"),
        ("entries?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z", "until"),
        ("entries?cursor=x", "cursor"),
        ("entries?limit=0", "limit"),
        ("entries?colour=red", "colour"),
        ("balances?at=today", "at"),
        ("export?format=ofx", "format"),
        ("export?since=2026-02-30", "since"),
    ],
)
async def test_a_wrong_query_names_its_field(api: httpx.AsyncClient, address: str, field: str) -> None:
    answer = await api.get(f"/v1/ledger/{address}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.finance, 200), (Role.operator, 200), (Role.viewer, 200), (Role.approver, 403), (Role.partner, 403)],
)
async def test_who_reads_invoices_reads_the_ledger(base_url: str, key_for: KeyFor, role: Role, status: int) -> None:
    headers = {"Authorization": f"Bearer {await key_for(role)}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        for listed in ("entries", "balances", "export"):
            assert (await client.get(f"/v1/ledger/{listed}")).status_code == status
