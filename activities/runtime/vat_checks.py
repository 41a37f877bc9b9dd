"""VAT ids that are due are checked with their register; each answer is kept as soon as it is there."""

from datetime import UTC, datetime

import structlog
from temporalio import activity

from activities.adapters.tax.register import Register
from activities.contracts.vat_checks import Checking, VatChecks
from activities.store import legal_entities, vat_checks, vat_proofs
from activities.store.database import Database
from activities.store.vat_checks import DueCheck
from domain.billing.entities import LegalEntity
from domain.billing.tax.parties import VatCheck, VatProof
from domain.billing.tax.vat_checks import next_check
from domain.errors import Unavailable

PAGE = 5
"""Numbers asked for one after the other, so that a register that hangs lets the call end in time."""
log = structlog.get_logger()


class RegisteredVatChecks(VatChecks):
    def __init__(self, database: Database, register: Register) -> None:
        self._database = database
        self._register = register

    @activity.defn(name="check_vat_ids")
    async def check(self, checking: Checking) -> Checking | None:
        async with self._database.transaction() as connection:
            page = await vat_checks.due(connection, checking.began, PAGE)
        if not page:
            return None
        results = [await self._check(due) for due in page]
        silent = results.count(VatCheck.unavailable)
        return Checking(began=checking.began, answered=checking.answered + len(page) - silent, silent=checking.silent + silent)

    async def _check(self, due: DueCheck) -> VatCheck:
        async with self._database.transaction() as connection:
            entity = await legal_entities.get(connection, due.customer.legal_entity)
        proof = await self._answer(due, entity)
        attempts = due.attempts + 1 if proof.result is VatCheck.unavailable else 0
        async with self._database.transaction() as connection:
            await vat_proofs.keep(connection, proof)
            due_at = next_check(proof, attempts, entity.tax.proof_days)
            await vat_checks.checked(connection, due, due_at, attempts)
        return proof.result

    async def _answer(self, due: DueCheck, entity: LegalEntity) -> VatProof:
        now = datetime.now(UTC)
        try:
            return await self._register.check(due.vat_id, entity.vat_id(now.date()), now)
        except Unavailable as error:
            log.warning("VAT id not checked", customer=due.customer.id, reason=str(error))
            return VatProof(vat_id=due.vat_id, result=VatCheck.unavailable, checked_at=now)
