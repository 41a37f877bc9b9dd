"""API keys: shown once, kept as a digest. A key is `tk_<id>_<secret>`; the secret has 256 random bits, so a plain SHA-256 of
it cannot be guessed back."""

import hashlib
import hmac
import secrets
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from activities.store.database import Connection
from activities.store.tables.access import api_keys
from domain.errors import Conflict, NotFound
from domain.roles import Principal, Role
from domain.values import Instant, Value


class ApiKey(Value):
    """What may be shown of a key: never the secret."""

    id: str
    name: str
    roles: list[Role]
    created_at: Instant
    revoked_at: Instant | None = None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def key_id_of(key: str) -> str | None:
    """The id inside a key, or None where it has not the form of one."""
    parts = key.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "tk" else None


async def create(connection: Connection, name: str, roles: list[Role], now: datetime) -> tuple[ApiKey, str]:
    """The record and the key itself, which is never seen again. Conflict where the name is taken."""
    key_id = secrets.token_hex(6)
    key = f"tk_{key_id}_{secrets.token_urlsafe(32)}"
    try:
        await _insert(connection, key_id, name, roles, key, now)
    except IntegrityError:
        raise Conflict(f"there is already a key named {name}") from None
    return ApiKey(id=key_id, name=name, roles=roles, created_at=now), key


async def ensure_bootstrap_key(connection: Connection, key: str, now: datetime) -> None:
    """Make `key` (of the form `tk_<id>_<secret>`) the admin key of a new installation; known already: nothing."""
    key_id = key_id_of(key)
    if key_id is None:
        raise ValueError("a bootstrap key has the form tk_<id>_<secret>")
    statement = insert(api_keys).values(
        id=key_id, name=f"admin-{key_id}", roles=[Role.admin], digest=_digest(key), created_at=now
    )
    await connection.execute(statement.on_conflict_do_nothing())


async def principal(connection: Connection, key: str) -> Principal | None:
    """Whose key this is; None for an unknown, wrong or revoked one."""
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == (key_id_of(key) or "")))).first()
    known = row.digest if row is not None and row.revoked_at is None else "0" * 64
    if not hmac.compare_digest(known, _digest(key)) or row is None:
        return None
    return Principal(key_id=row.id, name=row.name, roles=[Role(role) for role in row.roles])


async def get(connection: Connection, key_id: str) -> ApiKey:
    """Raises NotFound."""
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).mappings().first()
    if row is None:
        raise NotFound("API key", key_id)
    return ApiKey.model_validate(dict(row))


async def page(connection: Connection, after: str | None, limit: int) -> list[ApiKey]:
    query = select(api_keys).order_by(api_keys.c.id).limit(limit)
    if after is not None:
        query = query.where(api_keys.c.id > after)
    return [ApiKey.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def revoke(connection: Connection, key_id: str, now: datetime) -> None:
    """Raises NotFound. Revoking again changes nothing."""
    found = (await connection.execute(select(api_keys.c.revoked_at).where(api_keys.c.id == key_id))).first()
    if found is None:
        raise NotFound("API key", key_id)
    await connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )


async def _insert(connection: Connection, key_id: str, name: str, roles: list[Role], key: str, now: datetime) -> None:
    await connection.execute(
        insert(api_keys).values(id=key_id, name=name, roles=[str(role) for role in roles], digest=_digest(key), created_at=now)
    )
