"""The policy of what disputes and returned debits do, as a plain record."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from domain.disputes import AfterPaymentPolicy

KIND = "after_payment"
"""There is one of the kind."""


async def put(connection: Connection, policy: AfterPaymentPolicy) -> None:
    """For what is opened from now on."""
    document = policy.model_dump(mode="json")
    statement = insert(settings).values(kind=KIND, id=KIND, document=document)
    await connection.execute(statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def get(connection: Connection) -> AfterPaymentPolicy:
    document = (await connection.execute(select(settings.c.document).where(settings.c.kind == KIND))).scalar()
    return AfterPaymentPolicy() if document is None else AfterPaymentPolicy.model_validate(document)
