"""Fraud rules: what makes an order confirmed by its payer, looked at or rejected, and a dry run that says so."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Query
from pydantic import Field, model_validator

from activities.runtime.screening import marks_of
from activities.store import customers, fraud, fraud_lists, fraud_scores, orders
from activities.store.database import Connection
from api.context import Context
from api.dependencies import Ctx, Db, FraudKeeper, RecordId
from api.openapi import declares
from api.paging import ById, Page, slice_by_id
from api.samples import FRAUD_RULE
from domain.errors import BadInput, Conflict
from domain.fraud import Screening
from domain.fraud_lists import FraudLists, ListedBy
from domain.fraud_rules import FraudPolicy, FraudRule, PublishedFraudRule, Traits, check, in_order, judge
from domain.money import Money
from domain.values import StrictValue, Value
from domain.velocity import Counted

router = APIRouter(tags=["fraud"])
RULES = "/v1/fraud-rules"
OrderName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$", examples=["O-1001"])]


class FraudTrial(StrictValue):
    """Exactly one of `order`, an accepted one, and `facts`. `draft` is a rule to be thought of as published, in the place of
    the one of its id."""

    order: OrderName | None = None
    facts: Traits | None = None
    draft: FraudRule | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.order is None) == (self.facts is None):
            raise ValueError("exactly one of order and facts says what is judged")
        return self


class FraudTrialAnswer(Value):
    """`looked_at` are all rules, in order, or none where a list decides; `facts` what they were asked about; `marks` what the
    order can be put on a list by."""

    screening: Screening
    facts: Traits
    looked_at: list[str]
    marks: dict[ListedBy, str] = {}


@router.get(RULES, summary="List fraud rules in the order in which they are named")
async def list_rules(query: Annotated[ById, Query()], principal: FraudKeeper, database: Db) -> Page[PublishedFraudRule]:
    """A lower priority comes first."""
    async with database.transaction() as connection:
        found = await fraud.every(connection)
    return slice_by_id({f"{place:09d}": rule for place, rule in enumerate(found)}, query)


@router.post(f"{RULES}/try", summary="Say what the fraud rules make of an order, and why", responses=declares(404, 409))
async def try_rules(
    trial: Annotated[FraudTrial, Body(examples=[{"facts": {"order": {"total": 60000}}}])], principal: FraudKeeper, context: Ctx
) -> FraudTrialAnswer:
    """Nothing is kept, and nothing of the order changes. An order is judged by what is known of its customer now; made-up facts
    by the rules alone."""
    if trial.draft is not None:
        check(trial.draft)
    async with context.database.transaction() as connection:
        policy = _with(await fraud.policy(connection), trial.draft, context)
        if trial.order is not None:
            return await _of_order(connection, policy, trial.order, context)
    traits = trial.facts or Traits()
    total = Money(minor=traits.order.total, currency=traits.order.currency)
    looked_at = [each.name for each in policy.rules]
    return FraudTrialAnswer(screening=judge(policy, traits, total), facts=traits, looked_at=looked_at)


async def _of_order(connection: Connection, policy: FraudPolicy, order: str, context: Context) -> FraudTrialAnswer:
    stored = await orders.get(connection, order)
    if stored.order is None:
        raise Conflict(f"order {order} is {stored.state}; only an accepted order can be judged")
    customer, now = await customers.get(connection, stored.order.customer.id), context.now()
    marked = await marks_of(connection, stored.order, customer, look_up=True)
    traits = await fraud.traits(connection, stored.order, customer, now, list(Counted), count=False)
    lists = await fraud_lists.current(connection, FraudLists())
    if (listed := lists.judge(customer.risk, marked, now)) is not None:
        return FraudTrialAnswer(screening=listed, facts=traits, looked_at=[], marks=marked)
    looked_at = [each.name for each in policy.rules]
    kept = await fraud_scores.find(connection, order) if policy.asks_score else None
    screening = judge(policy, traits, stored.order.total, kept)
    return FraudTrialAnswer(screening=screening, facts=traits, looked_at=looked_at, marks=marked)


def _with(policy: FraudPolicy, draft: FraudRule | None, context: Context) -> FraudPolicy:
    if draft is None:
        return policy
    published = PublishedFraudRule(rule=draft, version=0, published_at=context.now(), published_by="nobody yet")
    others = (each for each in policy.rules if each.rule.id != draft.id)
    return policy.model_copy(update={"rules": in_order((*others, published))})


@router.put(f"{RULES}/{{rule_id}}", summary="Publish a fraud rule")
async def put_rule(
    rule_id: RecordId, rule: Annotated[FraudRule, Body(examples=[FRAUD_RULE])], principal: FraudKeeper, context: Ctx
) -> PublishedFraudRule:
    """The next version of it, which holds within a second or two. Orders keep the versions that judged them."""
    if rule.id != rule_id:
        raise BadInput("id", f"should be {rule_id!r}, as in the address")
    check(rule)
    async with context.database.transaction() as connection:
        return await fraud.publish(connection, rule, principal.name, context.now())


@router.get(f"{RULES}/{{rule_id}}/versions", summary="List what a fraud rule has been", responses=declares(404))
async def list_versions(
    rule_id: RecordId, query: Annotated[ById, Query()], principal: FraudKeeper, database: Db
) -> Page[PublishedFraudRule]:
    async with database.transaction() as connection:
        found = await fraud.versions(connection, rule_id)
    return slice_by_id({f"{each.version:09d}": each for each in found}, query)


@router.delete(f"{RULES}/{{rule_id}}", status_code=204, summary="Retire a fraud rule", responses=declares(404))
async def retire_rule(rule_id: RecordId, principal: FraudKeeper, context: Ctx) -> None:
    """Its versions stay on record."""
    async with context.database.transaction() as connection:
        await fraud.retire(connection, rule_id, principal.name, context.now())
