"""Legal entities: who sells, what it is registered for, and how it invoices."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import legal_entities
from api.dependencies import Db, RecordId, RecordReader, TaxKeeper
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import LEGAL_ENTITY
from domain.billing.entities import LegalEntity
from domain.errors import BadInput

router = APIRouter(prefix="/v1/legal-entities", tags=["tax"])


@router.get("", summary="List legal entities")
async def list_legal_entities(query: Annotated[ById, Query()], principal: RecordReader, database: Db) -> Page[LegalEntity]:
    async with database.transaction() as connection:
        found = await legal_entities.every(connection)
    return slice_by_id({entity.id: entity for entity in found}, query)


@router.get("/{entity_id}", summary="Look at one legal entity", responses=declares(404))
async def get_legal_entity(entity_id: RecordId, principal: RecordReader, database: Db) -> LegalEntity:
    """`main` is always there, also before it is set up."""
    async with database.transaction() as connection:
        return await legal_entities.get(connection, entity_id)


@router.put("/{entity_id}", summary="Set up a legal entity")
async def put_legal_entity(
    entity_id: RecordId,
    entity: Annotated[LegalEntity, Body(examples=[LEGAL_ENTITY])],
    principal: TaxKeeper,
    database: Db,
) -> LegalEntity:
    """Holds for orders and invoices from now on; what was issued or accepted before stays as it was."""
    if entity.id != entity_id:
        raise BadInput("id", f"should be {entity_id!r}, as in the address")
    async with database.transaction() as connection:
        await legal_entities.put(connection, entity)
    return entity
