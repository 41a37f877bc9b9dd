"""What gateways said of bare tokens, which are on file with nobody: their card or account, as far as it may be known."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.database import Connection
from activities.store.tables.payments import token_facts
from domain.payment_methods import MethodFacts
from domain.values import Instant, Value

AGAIN = timedelta(minutes=10)
"""After which a gateway that could not say anything of a token is asked again."""


class KnownToken(Value):
    """`facts` None: its gateway could not say anything."""

    facts: MethodFacts | None
    asked_at: Instant

    def is_good(self, now: datetime) -> bool:
        return self.facts is not None or now < self.asked_at + AGAIN


async def find(connection: Connection, token: str) -> KnownToken | None:
    row = (await connection.execute(select(token_facts).where(token_facts.c.token == token))).mappings().first()
    return None if row is None else KnownToken.model_validate(dict(row))


async def keep(connection: Connection, token: str, facts: MethodFacts | None, now: datetime) -> None:
    """What was known stays where nothing is said."""
    document = None if facts is None else facts.model_dump(mode="json")
    made = insert(token_facts).values(token=token, facts=document, asked_at=now)
    changed = {"facts": func.coalesce(made.excluded.facts, token_facts.c.facts), "asked_at": now}
    await connection.execute(made.on_conflict_do_update(index_elements=["token"], set_=changed))
