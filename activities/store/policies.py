"""Approval policies, as plain records."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from domain.approvals import ApprovalPolicy
from domain.errors import NotFound

KIND = "approval_policy"


async def put(connection: Connection, policy: ApprovalPolicy) -> None:
    document = policy.model_dump(mode="json")
    statement = insert(settings).values(kind=KIND, id=policy.id, document=document)
    await connection.execute(statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def every(connection: Connection) -> list[ApprovalPolicy]:
    query = select(settings.c.document).where(settings.c.kind == KIND).order_by(settings.c.id)
    return [ApprovalPolicy.model_validate(row) for row in (await connection.execute(query)).scalars()]


async def remove(connection: Connection, policy: str) -> None:
    """Raises NotFound. Orders accepted under it keep it."""
    gone = await connection.execute(delete(settings).where(settings.c.kind == KIND, settings.c.id == policy))
    if gone.rowcount == 0:
        raise NotFound("approval policy", policy)
