"""Routing rules: which gateway a payment goes to, and a dry run that says where one would go and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import payment_methods, routing, token_facts
from api.dependencies import BillingReader, Config, Ctx, Db, PaymentRouter, RecordId
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import ROUTING_RULE
from domain.customers import PaymentMethod
from domain.errors import BadInput
from domain.money import Money
from domain.payment_methods import is_stored
from domain.payments import PaymentRequest
from domain.plans import Identifier
from domain.routing import Decision, Look, PublishedRule, RoutingRule, payment_of, route
from domain.values import CountryCode, StrictValue

router = APIRouter(prefix="/v1/routing-rules", tags=["payments"])


class Trial(StrictValue):
    """A payment that is not made. `method` is a stored one's id or a token of the default gateway; `key` draws its share, and
    is any text; `tried` are gateways to be thought of as asked before. `draft` is a rule to be thought of as published, in the
    place of the one of its id."""

    amount: Money
    method: PaymentMethod
    key: Annotated[str, Body(max_length=200, min_length=1)] = "trial"
    customer: Identifier | None = None
    country: CountryCode | None = None
    gateway: Identifier | None = None
    tried: Annotated[tuple[Identifier, ...], Body(max_length=50)] = ()
    draft: RoutingRule | None = None


@router.get("", summary="List routing rules in the order in which they are looked at")
async def list_rules(query: Annotated[ById, Query()], principal: BillingReader, database: Db) -> Page[PublishedRule]:
    """A lower priority comes first."""
    async with database.transaction() as connection:
        found = await routing.every(connection)
    places = {f"{place:09d}": rule for place, rule in enumerate(found)}
    return slice_by_id(places, query)


@router.post("/try", summary="Say where a payment would go, and why", responses=declares(404, 422))
async def try_rules(
    trial: Annotated[Trial, Body()], principal: BillingReader, database: Db, settings: Config, context: Ctx
) -> Decision:
    """Nothing is sent and nothing kept. `looks` has every rule, in order. Refused where no gateway could be asked."""
    known = settings.all_gateways()
    now = context.now()
    async with database.transaction() as connection:
        method = await payment_methods.get(connection, trial.method) if is_stored(trial.method) else None
        token = await token_facts.find(connection, trial.method) if method is None else None
        here = await routing.surroundings(connection, known, settings.gateway, now)
    rules = _with(here.rules, trial.draft, now)
    payment = payment_of(_request(trial), method, settings.gateway, token.facts if token is not None else None)
    decision = route(payment, here.model_copy(update={"rules": rules}))
    return decision.model_copy(update={"looks": (*decision.looks, *_unlooked(rules, decision))})


def _with(rules: tuple[PublishedRule, ...], draft: RoutingRule | None, now: datetime) -> tuple[PublishedRule, ...]:
    if draft is None:
        return rules
    published = PublishedRule(rule=draft, version=0, published_at=now, published_by="nobody yet")
    others = (each for each in rules if each.rule.id != draft.id)
    return tuple(sorted((*others, published), key=lambda each: (each.rule.priority, each.rule.id)))


def _unlooked(rules: tuple[PublishedRule, ...], decision: Decision) -> list[Look]:
    """Those after the one that decided."""
    seen = {look.rule for look in decision.looks}
    why = f"not looked at: {decision.rule} decides"
    return [Look(rule=each.name, decided=False, why=why) for each in rules if each.name not in seen]


@router.put("/{rule_id}", summary="Publish a routing rule", responses=declares(409))
async def put_rule(
    rule_id: RecordId,
    rule: Annotated[RoutingRule, Body(examples=[ROUTING_RULE])],
    principal: PaymentRouter,
    settings: Config,
    context: Ctx,
) -> PublishedRule:
    """The next version of it, which holds within a second or two. Payments keep the one that sent them."""
    if rule.id != rule_id:
        raise BadInput("id", f"should be {rule_id!r}, as in the address")
    known = settings.all_gateways()
    if unknown := [name for name in rule.names if name not in known]:
        raise BadInput("gateways", f"there is no gateway {unknown[0]!r}; there are {', '.join(sorted(known))}")
    async with context.database.transaction() as connection:
        return await routing.publish(connection, rule, principal.name, context.now())


@router.get("/{rule_id}/versions", summary="List what a routing rule has been", responses=declares(404))
async def list_versions(
    rule_id: RecordId, query: Annotated[ById, Query()], principal: BillingReader, database: Db
) -> Page[PublishedRule]:
    async with database.transaction() as connection:
        found = await routing.versions(connection, rule_id)
    return slice_by_id({f"{each.version:09d}": each for each in found}, query)


@router.delete("/{rule_id}", status_code=204, summary="Retire a routing rule", responses=declares(404))
async def retire_rule(rule_id: RecordId, principal: PaymentRouter, context: Ctx) -> None:
    """Its versions stay on record."""
    async with context.database.transaction() as connection:
        await routing.retire(connection, rule_id, principal.name, context.now())


def _request(trial: Trial) -> PaymentRequest:
    return PaymentRequest(
        key=trial.key,
        amount=trial.amount,
        method=trial.method,
        customer=trial.customer or "",
        country=trial.country or "",
        gateway=trial.gateway,
        tried=trial.tried,
    )
