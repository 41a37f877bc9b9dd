"""What gateways are to forget: tokens of methods that were taken away, and of customers who are erased."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from activities.store import dispatches, payment_methods
from activities.store.database import Connection
from activities.store.dispatches import Dispatch, Kind
from activities.store.payment_methods import REVOKED, MethodEvent
from domain import keys
from domain.states import ORDER, OrderState, is_terminal
from domain.values import Value

FORGOTTEN = "payment_method.forgotten"
_OPEN = [state for state in OrderState if not is_terminal(ORDER, state)]


class Token(Value):
    """`gateway` is empty for the default one."""

    gateway: str
    token: str


_OF_CUSTOMER = text("""
    SELECT gateway, token FROM payment_method_tokens JOIN payment_methods ON id = method WHERE customer = :customer
    UNION SELECT gateway, method FROM payment_attempts WHERE customer = :customer AND NOT starts_with(method, :stored)
    UNION SELECT '', document ->> 'payment_method' FROM customers
     WHERE id = :customer AND NOT starts_with(document ->> 'payment_method', :stored)
""").bindparams(stored=keys.PAYMENT_METHOD)
_UNDECIDED = text("""
    WITH names AS (
        SELECT CAST(:token AS varchar) AS name
        UNION SELECT method FROM payment_method_tokens WHERE gateway = :gateway AND token = :token
    )
    SELECT 'order ' || id FROM orders JOIN names ON document ->> 'payment_method' = name WHERE state = ANY(:open)
    UNION ALL SELECT 'payment ' || key FROM collections JOIN names ON method = name WHERE state = 'asked'
    UNION ALL SELECT 'payment ' || key FROM given_up_payments JOIN payment_attempts USING (key) JOIN names ON method = name
     LIMIT 1
""").bindparams(bindparam("open", _OPEN, type_=ARRAY(String)))
_NEEDED = text("""
    SELECT EXISTS (
        SELECT FROM payment_method_tokens JOIN payment_methods ON id = method
         WHERE gateway = :gateway AND token = :token AND state <> 'revoked'
        UNION ALL SELECT FROM customers WHERE document ->> 'payment_method' = :token
        UNION ALL SELECT FROM subscriptions WHERE payment_method = :token AND ended_at IS NULL
    )
""")
_KNOWN = text("SELECT method FROM payment_method_tokens WHERE gateway = :gateway AND token = :token ORDER BY method")
_LET_GO = text("DELETE FROM payment_method_tokens WHERE gateway = :gateway AND token = :token")


async def ask(connection: Connection, customer: str, tokens: Mapping[str, str], now: datetime) -> None:
    """Have each gateway forget its token, once it is needed no more."""
    await _ask(connection, customer, [Token(gateway=gateway, token=token) for gateway, token in tokens.items()], now)


async def ask_of_customer(connection: Connection, customer: str, now: datetime) -> None:
    """As `ask`, of all that the customer has ever paid with."""
    rows = (await connection.execute(_OF_CUSTOMER, {"customer": customer})).all()
    await _ask(connection, customer, [Token(gateway=row[0], token=row[1]) for row in rows], now)


async def _ask(connection: Connection, customer: str, tokens: Iterable[Token], now: datetime) -> None:
    for each in tokens:
        key = keys.forgetting(each.gateway, each.token)
        row = Dispatch(key=key, kind=Kind.forget, subject=customer, payload=each.model_dump(), due_at=now)
        await dispatches.request_again(connection, row)


async def undecided(connection: Connection, asked: Token) -> str | None:
    """What may still be paid with it; None where nothing is."""
    found: str | None = (await connection.execute(_UNDECIDED, asked.model_dump())).scalar()
    return found


async def needed(connection: Connection, asked: Token) -> bool:
    """Whether it is on file, given anew or for somebody else."""
    return bool((await connection.execute(_NEEDED, asked.model_dump())).scalar())


async def done(connection: Connection, key: str, asked: Token | None, now: datetime) -> None:
    """It was forgotten, and we know it no more either; `asked` None: it is needed and was left. A method that was given anew
    while the gateway forgot it pays for nothing, and is revoked. Again changes nothing."""
    if asked is not None:
        known = list((await connection.execute(_KNOWN, asked.model_dump())).scalars())
        for method in known:
            at, words = now.isoformat(), f"gateway {asked.gateway} has forgotten it"
            gone = MethodEvent(key=f"revoked:{at}", type=REVOKED, actor="turnup", summary=words, at=now)
            await payment_methods.revoke(connection, method, gone)
            forgotten = MethodEvent(key=f"{key}:{at}", type=FORGOTTEN, actor="turnup", summary=words, at=now)
            await payment_methods.tell(connection, method, forgotten)
        await connection.execute(_LET_GO, asked.model_dump())
    await dispatches.clear(connection, key)
    await dispatches.mark_sent(connection, [key], now)
