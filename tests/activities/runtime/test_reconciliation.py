"""A day's report, the ledger and the invoices are compared; what differs is a work item, and running again changes nothing."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from activities.adapters.gateway.sandbox import SandboxGateway
from activities.contracts.reconciliation import Compared, Day, Fetched
from activities.runtime.reconciliation import StoredReconciliation
from activities.store import customers, invoices, ledger, reconciliation
from activities.store.database import Database
from activities.store.reconciliation import WorkItem
from domain.billing.cash_postings import Payment, PaymentPart, gateway_fee, payment_received, refunded
from domain.billing.postings import invoice_finalized
from domain.billing.reconciliation.comparison import Movement, MovementKind
from domain.customers import Customer
from domain.errors import Conflict, NotFound, Unavailable
from domain.money import Money
from domain.payments import PaymentRequest, RefundRequest
from tests.domain.billing.invoice_samples import EVIDENCE, invoice, issue
from tests.domain.samples import eur
from tests.sandbox_server import RunningSandbox, running_sandbox
from workers import migrate
from workers.embedded.postgres import Cluster

NUMBERS = itertools.count(1001)


@pytest_asyncio.fixture(scope="module")
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    url = await cluster.create_database("reconciliation")
    await migrate.upgrade(url)
    database = Database(url)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    async with running_sandbox(folder) as running:
        yield running


class Shop:
    """A gateway of its own name for each test, so that none sees the movements of another."""

    def __init__(self, database: Database, sandbox: RunningSandbox) -> None:
        number = next(NUMBERS)
        self.name, self.key = f"gateway-{number}", f"O-{number}:payment:1"
        self.day = Day(gateway=self.name, date=datetime.now(UTC).date())
        self.database = database
        self.gateway = SandboxGateway(sandbox.gateway_url, sandbox.client)
        self.work = StoredReconciliation(database, {self.name: self.gateway})

    async def taken(self, minor: int = 5000) -> None:
        """Money taken at the gateway."""
        await self.gateway.purchase(PaymentRequest(key=self.key, amount=eur(minor), method="tok_visa"))

    async def booked(self, minor: int = 5000) -> None:
        """The same money in the ledger."""
        payment = Payment(key=self.key, at=datetime.now(UTC), customer="c-1", parts=(), over=eur(minor))
        async with self.database.transaction() as connection:
            await ledger.post(connection, [payment_received(payment, self.name)])

    async def compared(self) -> int:
        """The whole comparison of today; how many differences it leaves open."""
        here = await self.work.fetch(Fetched(day=self.day))
        while here.cursor is not None:
            here = await self.work.fetch(here)
        at = Compared(day=self.day)
        while (further := await self.work.compare_movements(at)) is not None:
            at = further
        at = Compared(day=self.day, count=at.count)
        while (further := await self.work.compare_invoices(at)) is not None:
            at = further
        return await self.work.finish(at)

    async def found(self, *, is_open: bool = True) -> list[WorkItem]:
        """What was found about this test's own payment."""
        async with self.database.transaction() as connection:
            items = await reconciliation.work_items(connection, None, 500, is_open=is_open)
        mine = [item for item in items if item.gateway == self.name]
        return [item for item in mine if item.subject.startswith(self.key)]


@pytest.fixture
def shop(database: Database, sandbox: RunningSandbox) -> Shop:
    return Shop(database, sandbox)


async def test_what_gateway_and_ledger_say_alike_is_no_work(shop: Shop) -> None:
    await shop.taken()
    await shop.booked()
    await shop.compared()

    assert await shop.found() == []


async def test_a_refund_and_a_fee_have_keys_of_their_own(shop: Shop) -> None:
    now = datetime.now(UTC)
    await shop.taken()
    await shop.booked()
    await shop.gateway.refund(RefundRequest(key=shop.key, refund_key=f"{shop.key}:refund:1", amount=eur(2000)))
    fee = Movement(id="fee-1", key=f"{shop.key}:fee", kind=MovementKind.fee, amount=eur(-150), at=now)
    async with shop.database.transaction() as connection:
        await reconciliation.keep_movements(connection, shop.name, [fee])
        refund = refunded(f"{shop.key}:refund:1", shop.name, "c-1", eur(2000), now)
        await ledger.post(connection, [refund, gateway_fee(shop.key, shop.name, eur(150), now)])
    await shop.compared()

    assert await shop.found() == []


async def test_money_that_is_not_booked_is_work_for_finance(shop: Shop) -> None:
    await shop.taken()
    await shop.compared()
    [item] = await shop.found()

    assert (item.kind, item.subject, item.expected, item.found) == ("missing_in_ledger", shop.key, "nothing", "50.00 EUR")
    assert (item.owner, item.key) == ("finance", f"{shop.name}:{shop.day.date}:missing_in_ledger:{shop.key}")


async def test_money_that_the_gateway_does_not_know_is_work(shop: Shop) -> None:
    await shop.booked()
    await shop.compared()

    assert [item.kind for item in await shop.found()] == ["missing_at_gateway"]


async def test_another_amount_is_work(shop: Shop) -> None:
    await shop.taken(5000)
    await shop.booked(5001)
    await shop.compared()

    assert [(item.kind, item.expected, item.found) for item in await shop.found()] == [
        ("amount_differs", "50.01 EUR", "50.00 EUR")
    ]


async def test_comparing_again_changes_nothing(shop: Shop) -> None:
    await shop.taken()
    first = await shop.compared()
    items = await shop.found()

    assert await shop.compared() == first
    assert await shop.found() == items


async def test_a_difference_that_is_gone_is_closed_and_says_why(shop: Shop) -> None:
    await shop.taken()
    await shop.compared()
    await shop.booked()
    await shop.compared()
    [item] = await shop.found(is_open=False)

    assert await shop.found() == []
    assert (item.resolved_by, item.reason) == ("comparison", "both sides agree by now")


async def test_what_a_person_has_resolved_stays_resolved(shop: Shop) -> None:
    await shop.taken()
    await shop.compared()
    [item] = await shop.found()
    now = datetime.now(UTC)
    async with shop.database.transaction() as connection:
        await reconciliation.resolve(connection, item.key, "fay", "booked by hand", now)
        again = await reconciliation.resolve(connection, item.key, "fay", "booked by hand", now)
    await shop.compared()

    assert await shop.found() == []
    assert (again.resolved_by, again.resolved_at) == ("fay", now)
    async with shop.database.transaction() as connection:
        with pytest.raises(Conflict, match="resolved by fay"):
            await reconciliation.resolve(connection, item.key, "ben", "no idea", now)
        with pytest.raises(NotFound):
            await reconciliation.resolve(connection, "nothing", "ben", "no idea", now)


async def test_a_gateway_that_does_not_answer_says_nothing_about_the_day(shop: Shop, sandbox: RunningSandbox) -> None:
    await sandbox.fault("report", "error_500", count=1)

    with pytest.raises(Unavailable):
        await shop.compared()
    async with shop.database.transaction() as connection:
        assert shop.name not in [run.gateway for run in await reconciliation.runs(connection, 100)]


async def test_an_unknown_gateway_is_named(shop: Shop) -> None:
    with pytest.raises(NotFound, match="gateway elsewhere"):
        await shop.work.fetch(Fetched(day=Day(gateway="elsewhere", date=shop.day.date)))


async def test_an_invoice_that_says_more_was_paid_than_is_booked_is_work(shop: Shop) -> None:
    now = datetime.now(UTC)
    number = next(NUMBERS)
    open_ = issue(invoice(10000, number=number), number=number)
    payment = Payment(
        key=f"{shop.key}:late",
        at=now,
        customer="c-1",
        parts=(PaymentPart(invoice=open_.id, amount=eur(11900)),),
        over=Money.zero("EUR"),
    )
    async with shop.database.transaction() as connection:
        await customers.put(connection, Customer(id="c-1", name="Someone", country="DE"), now)
        await invoices.issue(connection, open_, EVIDENCE, now)
        await ledger.post(connection, [invoice_finalized(open_, now)])
        await invoices.receive_payment(connection, open_, eur(11900), now.date())
    await shop.compared()
    async with shop.database.transaction() as connection:
        items = await reconciliation.work_items(connection, None, 500, is_open=True)
        mine = [item for item in items if item.gateway == shop.name and item.subject == open_.id]
        await ledger.post(connection, [payment_received(payment, "bank")])
    await shop.compared()
    async with shop.database.transaction() as connection:
        items = await reconciliation.work_items(connection, None, 500, is_open=True)

    assert [(item.kind, item.expected, item.found) for item in mine] == [("invoice_paid_differs", "119.00 EUR", "0.00 EUR")]
    assert open_.id not in [item.subject for item in items if item.gateway == shop.name]
