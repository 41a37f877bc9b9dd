"""Legal entities, as plain records."""

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from domain.billing.entities import DEFAULT, LegalEntity
from domain.errors import NotFound
from domain.orders import MAIN

KIND = "legal_entity"

_GET = select(settings.c.document).where(settings.c.kind == KIND, settings.c.id == bindparam("id"))


async def put(connection: Connection, entity: LegalEntity) -> None:
    document = entity.model_dump(mode="json")
    statement = insert(settings).values(kind=KIND, id=entity.id, document=document)
    await connection.execute(statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def get(connection: Connection, entity: str | None = None) -> LegalEntity:
    """The main one unless named, which is there also where nobody has set it up. Raises NotFound."""
    key = entity or MAIN
    found = (await connection.execute(_GET, {"id": key})).scalar()
    if found is None and key != MAIN:
        raise NotFound("legal entity", key)
    return DEFAULT if found is None else LegalEntity.model_validate(found)


async def every(connection: Connection) -> list[LegalEntity]:
    """In order of id, the main one always among them."""
    query = select(settings.c.document).where(settings.c.kind == KIND)
    found = [LegalEntity.model_validate(row) for row in (await connection.execute(query)).scalars()]
    known = {MAIN: DEFAULT} | {entity.id: entity for entity in found}
    return [known[key] for key in sorted(known)]
