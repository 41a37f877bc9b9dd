"""API keys: made, listed and revoked by an admin."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field
from starlette.requests import Request

from activities.store import api_keys
from activities.store.api_keys import ApiKey
from api.auth import Keyring
from api.dependencies import Ctx, Db, KeyKeeper, RecordId
from api.openapi import declares
from api.paging import ById, Page, page
from api.samples import API_KEY
from domain.approvals import Person
from domain.roles import Role
from domain.values import StrictValue

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])


class NewKey(StrictValue):
    """`name` is what decisions made with the key are signed with."""

    name: Person
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class ShownKey(ApiKey):
    """`key` is shown this once and kept only as a digest."""

    key: str


@router.post("", status_code=201, summary="Make a key", responses=declares(409))
async def create_key(
    asked: Annotated[NewKey, Body(examples=[API_KEY])], principal: KeyKeeper, context: Ctx, response: Response
) -> ShownKey:
    async with context.database.transaction() as connection:
        made, key = await api_keys.create(connection, asked.name, list(dict.fromkeys(asked.roles)), context.now())
    response.headers["Cache-Control"] = "no-store"
    return ShownKey(**dict(made), key=key)


@router.get("", summary="List keys, never their secrets")
async def list_keys(query: Annotated[ById, Query()], principal: KeyKeeper, database: Db) -> Page[ApiKey]:
    async with database.transaction() as connection:
        found = await api_keys.page(connection, query.cursor, query.limit + 1)
    return page(found, query.limit, lambda key: key.id)


@router.delete("/{key_id}", status_code=204, summary="Revoke a key", responses=declares(404))
async def revoke_key(key_id: RecordId, principal: KeyKeeper, context: Ctx, request: Request) -> None:
    """It is refused after at most a second. Revoking again changes nothing."""
    async with context.database.transaction() as connection:
        await api_keys.revoke(connection, key_id, context.now())
    keyring: Keyring = request.app.state.keyring
    keyring.forget(key_id)
