"""VAT ids are checked when they are due; what a register answers is kept, and its silence forgotten by the next answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from activities.adapters.tax.register import Vies
from activities.contracts.vat_checks import Checking
from activities.runtime.vat_checks import PAGE, RegisteredVatChecks
from activities.store import customers, legal_entities, vat_checks, vat_proofs
from activities.store.database import Database
from domain.billing.entities import LegalEntity
from domain.billing.tax.parties import VatCheck, VatProof
from domain.customers import Customer
from tests.sandbox_server import RunningSandbox, running_sandbox

NOW = datetime(2026, 1, 31, tzinfo=UTC)
NUMBERS = ["DE136695976", "ATU12345675", "NL004495445B01", "DK13585628", "FI20774740", "LU15027442", "PL8567346215"]


@pytest_asyncio.fixture(scope="module")
async def register(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("register")) as running:
        yield running


@pytest_asyncio.fixture(autouse=True)
async def nothing_due(database: Database, register: RunningSandbox) -> None:
    await register.faults()
    async with database.transaction() as connection:
        for check in await vat_checks.due(connection, datetime(2100, 1, 1, tzinfo=UTC), 100):
            await vat_checks.follow(connection, check.customer.model_copy(update={"country": "US"}), NOW)


def business(vat_id: str, **more: Any) -> Customer:
    tax = {"business": True, "vat_id": vat_id}
    return Customer.model_validate({"id": f"C-{vat_id}", "name": "B", "country": vat_id[:2], "tax": tax} | more)


async def write(database: Database, *written: Customer) -> None:
    async with database.transaction() as connection:
        for customer in written:
            await customers.put(connection, customer, NOW)


async def due(database: Database, at: datetime = NOW) -> dict[str, int]:
    """Attempts by number."""
    async with database.transaction() as connection:
        return {check.vat_id: check.attempts for check in await vat_checks.due(connection, at, 100)}


async def proof_of(database: Database, vat_id: str) -> VatProof | None:
    async with database.transaction() as connection:
        return await vat_proofs.latest(connection, vat_id)


async def checked(database: Database, register: RunningSandbox) -> Checking:
    """After one round over what is due."""
    async with httpx.AsyncClient(trust_env=False) as client:
        checks = RegisteredVatChecks(database, Vies(f"{register.url}/register", client, total_seconds=1))
        here = Checking(began=datetime.now(UTC))
        while (further := await checks.check(here)) is not None:
            here = further
        return here


async def test_a_written_number_is_due_once_and_again_when_it_changes(database: Database, register: RunningSandbox) -> None:
    await write(database, business(NUMBERS[0]))
    assert await due(database) == {NUMBERS[0]: 0}
    await checked(database, register)
    await write(database, business(NUMBERS[0], name="Renamed"))
    assert await due(database) == {}
    await write(database, business(NUMBERS[0], country="AT", tax={"business": True, "vat_id": NUMBERS[1]}))
    assert await due(database) == {NUMBERS[1]: 0}
    await write(database, business(NUMBERS[0], tax={}))
    assert await due(database) == {}


async def test_a_round_checks_all_that_is_due_and_none_twice(database: Database, register: RunningSandbox) -> None:
    await write(database, *map(business, NUMBERS))
    assert len(NUMBERS) > PAGE
    done = await checked(database, register)
    assert (done.answered, done.silent) == (len(NUMBERS), 0)
    assert (await checked(database, register)).answered == 0
    for number in NUMBERS:
        proof = await proof_of(database, number)
        assert proof is not None
        assert proof.result is VatCheck.valid


async def test_the_next_check_is_half_the_life_of_a_proof_away(database: Database, register: RunningSandbox) -> None:
    entity = LegalEntity.model_validate(
        {
            "id": "acme",
            "name": "Acme",
            "country": "AT",
            "tax": {"proof_days": 20},
            "registrations": [{"jurisdiction": {"country": "AT"}, "number": "ATU12345675", "valid_from": "2020-01-01"}],
        }
    )
    async with database.transaction() as connection:
        await legal_entities.put(connection, entity)
    await write(database, business(NUMBERS[2], legal_entity="acme"))
    await checked(database, register)
    proof = await proof_of(database, NUMBERS[2])
    assert proof is not None
    assert proof.consultation == f"SANDBOX{NUMBERS[2][2:]}"
    half = proof.checked_at + timedelta(days=10)
    assert await due(database, half - timedelta(seconds=1)) == {}
    assert await due(database, half) == {NUMBERS[2]: 0}


async def test_a_silent_register_is_asked_again_later(database: Database, register: RunningSandbox) -> None:
    await register.fault("check_vat", "decline_soft", order=NUMBERS[3])
    await write(database, business(NUMBERS[3]), business(NUMBERS[4]))
    before = datetime.now(UTC)
    assert (await checked(database, register)).silent == 1
    assert await due(database, before + timedelta(minutes=4)) == {}
    assert await due(database, before + timedelta(minutes=6)) == {NUMBERS[3]: 1}


async def test_silence_does_not_take_away_an_earlier_proof(database: Database) -> None:
    async with database.transaction() as connection:
        for index, result in enumerate(("unavailable", "unavailable", "valid", "unavailable")):
            at = NOW + timedelta(days=index)
            await vat_proofs.keep(connection, VatProof(vat_id="FR1", result=VatCheck(result), checked_at=at))
    proof = await proof_of(database, "FR1")
    assert proof is not None
    assert (proof.result, proof.checked_at) == (VatCheck.valid, NOW + timedelta(days=2))


async def test_a_number_changed_during_its_check_stays_due(database: Database) -> None:
    await write(database, business(NUMBERS[5]))
    async with database.transaction() as connection:
        (begun,) = await vat_checks.due(connection, NOW, 10)
    await write(database, business(NUMBERS[5], country="PL", tax={"business": True, "vat_id": NUMBERS[6]}))
    async with database.transaction() as connection:
        await vat_checks.checked(connection, begun, NOW + timedelta(days=1), 0)
    assert await due(database) == {NUMBERS[6]: 0}
