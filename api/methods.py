"""Keeping payment methods: the gateway says what a token is, and what it says is kept. No card number ever comes here."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from activities.adapters.gateway.port import Keeper
from activities.store import collections, customers, erasures, forgetting, payment_methods
from activities.store.database import Connection
from api.context import Context
from api.samples import PAYMENT_METHOD
from domain import keys
from domain.cards import NoCardNumber
from domain.customers import Customer, PaymentMethod
from domain.errors import BadInput, Conflict, NotFound, Refused, Unavailable
from domain.payment_methods import MethodFacts, MethodKind, StoredMethod, is_stored
from domain.payments import Outcome
from domain.plans import Identifier
from domain.roles import Principal
from domain.values import StrictValue

Nonce = Annotated[
    str, Field(min_length=3, max_length=200, pattern=r"^[A-Za-z0-9_:.-]+$", examples=["nonce_visa"]), NoCardNumber
]
"""What the gateway's own script gave the customer's browser for a card; good once."""


class TokenRequest(StrictValue):
    """A gateway's `token`, or a single-use `nonce` that it gives a token for; `gateway` is the default one unless named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"gateway": "sandbox", "token": "tok_mastercard"}]})

    gateway: Identifier | None = None
    token: PaymentMethod | None = None
    nonce: Nonce | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.token is None) == (self.nonce is None):
            raise ValueError("token: give either a token or a nonce")
        return self


class MethodRequest(StrictValue):
    """What a customer pays with: a gateway's `token`, a single-use `nonce`, or `"kind": "transfer"` for one that sends money
    itself. Without `default` it becomes the customer's default where there was none or something is past due, which is then
    collected from it at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [PAYMENT_METHOD]})

    customer: Identifier
    kind: Literal["transfer"] | None = None
    gateway: Identifier | None = None
    token: PaymentMethod | None = None
    nonce: Nonce | None = None
    default: bool | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [name for name in ("kind", "token", "nonce") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError('token: give one of token, nonce, or "kind": "transfer"')
        if self.kind and self.gateway:
            raise ValueError("gateway: a transfer goes through none; leave it out")
        return self


async def add(context: Context, principal: Principal, request: MethodRequest) -> StoredMethod:
    """Ask the gateway, with no transaction open, and keep what it says. BadInput for a token or nonce that it does not take,
    Unavailable where it does not answer: then nothing is kept, and the same request may be sent again."""
    async with context.database.transaction() as connection:
        await _customer(connection, request.customer)
    now = context.now()
    method = await _described(context, request, now)
    async with context.database.transaction() as connection:
        customer = await customers.get(connection, request.customer, lock=True)
        await erasures.refuse(connection, customer.id)
        kept = await payment_methods.add(connection, method, principal.name, now)
        wanted = request.default
        if wanted is None:
            wanted = customer.payment_method is None or bool(await collections.past_due(connection, customer.id))
        if wanted:
            await make_default(connection, customer, kept, principal.name, now)
    return kept


async def make_default(connection: Connection, customer: Customer, method: StoredMethod, by: str, now: datetime) -> None:
    """What is past due is collected from it at once. Conflict where it is good no more."""
    try:
        await payment_methods.check_usable(connection, method.id, customer.id)
    except BadInput as error:
        raise Conflict(error.message) from None
    if customer.payment_method != method.id:
        await customers.put(connection, customer.model_copy(update={"payment_method": method.id}), now)
    if method.is_charged:
        await collections.ask_for_past_due(connection, customer.id, method.id, by)


async def add_token(context: Context, principal: Principal, name: str, request: TokenRequest) -> StoredMethod:
    """The same card or account at another gateway. Conflict where the two gateways say that it is another one."""
    async with context.database.transaction() as connection:
        known = await payment_methods.get(connection, name)
    gateway, token, facts = await _told(context, known.customer, request)
    same = (known.facts.kind, known.facts.last4) == (facts.kind, facts.last4)
    if not known.tokens or not same:
        raise Conflict(f"{gateway} says that the token is a {_words(facts)}, and {name} is a {_words(known.facts)}")
    now = context.now()
    async with context.database.transaction() as connection:
        await payment_methods.get(connection, name, lock=True)
        await payment_methods.add_token(connection, name, gateway, token)
        said = payment_methods.MethodEvent(
            key=f"token:{gateway}:{keys.payment_method(known.customer, gateway, token)}",
            type="payment_method.token_added",
            actor=principal.name,
            summary=f"known to {gateway} too",
            at=now,
        )
        await payment_methods.tell(connection, name, said)
        return await payment_methods.get(connection, name)


async def take_away(context: Context, principal: Principal, name: str) -> StoredMethod:
    """Revoked for good, and forgotten by its gateways; the customer has no default any more where it was that. Conflict while
    it is needed."""
    now = context.now()
    async with context.database.transaction() as connection:
        owner = (await payment_methods.get(connection, name)).customer
        customer = await customers.get(connection, owner, lock=True)
        method = await payment_methods.get(connection, name, lock=True)
        if why := await payment_methods.why_kept(connection, method, customer.payment_method):
            raise Conflict(f"{name} is needed: {why}; add another method first")
        gone = payment_methods.MethodEvent(
            key=f"revoked:{now.isoformat()}",
            type=payment_methods.REVOKED,
            actor=principal.name,
            summary="taken away",
            at=now,
        )
        await payment_methods.revoke(connection, name, gone)
        await forgetting.ask(connection, method.customer, method.tokens, now)
        if customer.payment_method == name:
            await customers.put(connection, customer.model_copy(update={"payment_method": None}), now)
        return await payment_methods.get(connection, name)


async def _customer(connection: Connection, customer: str) -> Customer:
    try:
        return await customers.get(connection, customer)
    except NotFound:
        raise BadInput("customer", f"there is no customer {customer!r}; POST /v1/customers adds one") from None


async def _described(context: Context, request: MethodRequest, now: datetime) -> StoredMethod:
    if request.kind:
        name = keys.payment_method(request.customer, "", request.kind)
        facts = MethodFacts(kind=MethodKind.transfer)
        return StoredMethod(id=name, customer=request.customer, facts=facts, added_at=now)
    asked = TokenRequest(gateway=request.gateway, token=request.token, nonce=request.nonce)
    gateway, token, facts = await _told(context, request.customer, asked)
    name = keys.payment_method(request.customer, gateway, token)
    return StoredMethod(id=name, customer=request.customer, facts=facts, tokens={gateway: token}, added_at=now)


async def _told(context: Context, customer: str, request: TokenRequest) -> tuple[str, str, MethodFacts]:
    """(gateway, token, what the gateway says of it)."""
    gateway = request.gateway or context.default_gateway
    keeper = context.keepers.get(gateway)
    if keeper is None:
        raise BadInput("gateway", f"there is no gateway {gateway!r}; there are {', '.join(sorted(context.keepers))}")
    token = request.token or await _tokenized(keeper, gateway, customer, request.nonce or "")
    if is_stored(token):
        raise BadInput("token", "is the id of a payment method; give the gateway's own token")
    try:
        return gateway, token, await keeper.describe(token)
    except Refused as error:
        raise BadInput("token", f"{gateway} does not know it, or not for later use ({error.code})") from None


async def _tokenized(keeper: Keeper, gateway: str, customer: str, nonce: str) -> str:
    try:
        answer = await keeper.tokenize(keys.tokenization(customer, gateway, nonce), customer, nonce)
    except Refused as error:
        raise BadInput("nonce", f"{gateway} does not take it ({error.code})") from None
    if answer.outcome in {Outcome.unknown, Outcome.not_attempted} or answer.outcome is Outcome.pending:
        raise Unavailable(f"gateway {gateway} does not answer; nothing was kept, so send the same again")
    if answer.outcome is not Outcome.succeeded or answer.reference is None:
        raise BadInput("nonce", f"{gateway} does not take it ({answer.code or answer.outcome})")
    return answer.reference


def _words(facts: MethodFacts) -> str:
    return " ".join(filter(None, (facts.brand, facts.kind, f"ending {facts.last4}" if facts.last4 else None)))
