"""The policies of what a subscription does after its order, each a plain record of a kind of its own."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from domain.subscriptions.policies import EndingPolicy, MessagePolicy, RenewalPolicy
from domain.values import StrictValue

KINDS: dict[type[StrictValue], str] = {
    RenewalPolicy: "renewal",
    EndingPolicy: "ending",
    MessagePolicy: "messages",
}
"""There is one of each kind; its defaults hold where none was given."""

Policy = TypeVar("Policy", bound=StrictValue)


async def put(connection: Connection, policy: Policy) -> None:
    """For what falls due from now on."""
    kind, document = KINDS[type(policy)], policy.model_dump(mode="json")
    statement = insert(settings).values(kind=kind, id=kind, document=document)
    await connection.execute(statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def get(connection: Connection, policy: type[Policy]) -> Policy:
    document = (await connection.execute(select(settings.c.document).where(settings.c.kind == KINDS[policy]))).scalar()
    return policy() if document is None else policy.model_validate(document)
