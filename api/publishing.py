"""Publishing to the catalogue: every version is kept, and the next order gets the newest."""

from activities.store import catalogue
from api.context import Context
from domain.catalogue import Plan, Price, Product
from domain.errors import BadInput, Conflict
from domain.values import Value


class Published(Value):
    """`version` counts from 1."""

    id: str
    version: int


async def add(context: Context, entry: Product | Plan | Price) -> Published:
    """Publish something new. Conflict where it exists, BadInput where it refers to what does not."""
    async with context.database.transaction() as connection:
        version = await catalogue.publish(connection, entry, context.now())
        if version > 1:
            kind = catalogue.KINDS[type(entry)]
            raise Conflict(f"there is already a {kind} {entry.id}; PUT /v1/{kind}s/{entry.id} publishes its next version")
    return Published(id=entry.id, version=version)


async def replace(context: Context, entry_id: str, entry: Product | Plan | Price) -> Published:
    """Publish the next version, or the first."""
    if entry.id != entry_id:
        raise BadInput("id", f"should be {entry_id!r}, as in the address")
    async with context.database.transaction() as connection:
        version = await catalogue.publish(connection, entry, context.now())
    return Published(id=entry.id, version=version)
