"""What tax registers answered about VAT ids. The name in an answer is personal data where the trader is a person."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.invoices import vat_proofs
from domain.billing.tax.parties import VatCheck, VatProof


async def keep(connection: Connection, proof: VatProof) -> None:
    """Answers are kept for good; of the times that there was none, the last."""
    if proof.result is VatCheck.unavailable:
        silent = (vat_proofs.c.vat_id == proof.vat_id) & (vat_proofs.c.result == VatCheck.unavailable)
        await connection.execute(delete(vat_proofs).where(silent))
    await connection.execute(insert(vat_proofs).values(**proof.model_dump()).on_conflict_do_nothing())


async def latest(connection: Connection, vat_id: str) -> VatProof | None:
    """The last answer; where there never was one, the last time that it was asked for in vain."""
    query = (
        select(vat_proofs)
        .where(vat_proofs.c.vat_id == vat_id)
        .order_by((vat_proofs.c.result == VatCheck.unavailable), vat_proofs.c.checked_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else VatProof.model_validate(dict(row))
