"""The policies of orders' money, of the life of subscriptions and of what is kept, each a plain record of its own kind."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.access import settings
from domain.capture import CapturePolicy
from domain.privacy import PrivacyPolicy
from domain.subscriptions.policies import (
    ChangePolicy,
    EndingPolicy,
    MessagePolicy,
    PausePolicy,
    ReminderPolicy,
    RenewalPolicy,
    SuspensionPolicy,
)
from domain.values import Instant, StrictValue, Value

KINDS: dict[type[StrictValue], str] = {
    RenewalPolicy: "renewal",
    EndingPolicy: "ending",
    MessagePolicy: "messages",
    ChangePolicy: "change",
    PausePolicy: "pause",
    SuspensionPolicy: "suspension",
    ReminderPolicy: "reminders",
    CapturePolicy: "capture",
    PrivacyPolicy: "privacy",
}
"""There is one of each kind; its defaults hold where none was given."""

Policy = TypeVar("Policy", bound=StrictValue)
_GET = select(settings.c.document).where(settings.c.kind == bindparam("kind"))


class Changed(Value):
    """What a policy was set to, when, by whom, and why where they said so. `id` is in order of time."""

    id: str
    at: Instant
    by: str
    note: str = ""
    policy: dict[str, Any]


async def publish(connection: Connection, policy: Policy, by: str, now: datetime, note: str = "") -> None:
    """Put it, and keep on record that it was."""
    await put(connection, policy)
    kept = Changed(id=f"{now:%Y%m%dT%H%M%S.%fZ}", at=now, by=by, note=note, policy=policy.model_dump(mode="json"))
    row = {"kind": _record(type(policy)), "id": kept.id, "document": kept.model_dump(mode="json")}
    await connection.execute(insert(settings).values(**row).on_conflict_do_nothing())


async def changes(connection: Connection, policy: type[Policy], before: str | None, limit: int) -> list[Changed]:
    """What was set, the newest first, before the one of this id."""
    query = select(settings.c.document).where(settings.c.kind == _record(policy)).order_by(settings.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(settings.c.id < before)
    return [Changed.model_validate(document) for document in (await connection.execute(query)).scalars()]


def _record(policy: type[StrictValue]) -> str:
    return f"{KINDS[policy]}:changes"


async def put(connection: Connection, policy: Policy) -> None:
    """For what falls due from now on."""
    kind, document = KINDS[type(policy)], policy.model_dump(mode="json")
    statement = insert(settings).values(kind=kind, id=kind, document=document)
    await connection.execute(statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"document": document}))


async def get(connection: Connection, policy: type[Policy]) -> Policy:
    document = (await connection.execute(_GET, {"kind": KINDS[policy]})).scalar()
    return policy() if document is None else policy.model_validate(document)
