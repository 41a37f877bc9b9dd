"""Settings of the fraud check: from how many points on an order is held up, and how long a score is waited for."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from activities.store import fraud_settings
from activities.store.fraud_settings import Published
from api.dependencies import Ctx, Db, FraudKeeper
from api.paging import ById, Page, slice_by_id
from domain.fraud_rules import Thresholds
from domain.fraud_scores import ScoringPolicy

router = APIRouter(tags=["fraud"])
THRESHOLDS = "/v1/fraud-thresholds"
SCORING = "/v1/fraud-scoring"


@router.get(THRESHOLDS, summary="From how many points on an order is held up")
async def get_thresholds(principal: FraudKeeper, database: Db) -> Thresholds:
    async with database.transaction() as connection:
        return (await fraud_settings.current(connection, Thresholds)).setting


@router.put(THRESHOLDS, summary="Set from how many points on an order is held up")
async def put_thresholds(
    thresholds: Annotated[Thresholds, Body(examples=[{"step_up": 30, "review": 60, "reject": 100}])],
    principal: FraudKeeper,
    context: Ctx,
) -> Published[Thresholds]:
    """The next version, for orders judged from now on; each keeps the version that it was judged by."""
    async with context.database.transaction() as connection:
        return await fraud_settings.publish(connection, thresholds, principal.name, context.now())


@router.get(f"{THRESHOLDS}/versions", summary="List what the thresholds have been")
async def list_threshold_versions(
    query: Annotated[ById, Query()], principal: FraudKeeper, database: Db
) -> Page[Published[Thresholds]]:
    async with database.transaction() as connection:
        found = await fraud_settings.versions(connection, Thresholds)
    return slice_by_id({f"{each.version:09d}": each for each in found}, query)


@router.get(SCORING, summary="How long an order waits for its fraud score, and what holds without one")
async def get_scoring(principal: FraudKeeper, database: Db) -> ScoringPolicy:
    async with database.transaction() as connection:
        return (await fraud_settings.current(connection, ScoringPolicy)).setting


@router.put(SCORING, summary="Set how long an order waits for its fraud score, and what holds without one")
async def put_scoring(
    scoring: Annotated[ScoringPolicy, Body(examples=[{"when_unknown": "review", "seconds": 3}])],
    principal: FraudKeeper,
    context: Ctx,
) -> Published[ScoringPolicy]:
    """The next version, for orders judged from now on. A score is asked for where a rule asks about `score`."""
    async with context.database.transaction() as connection:
        return await fraud_settings.publish(connection, scoring, principal.name, context.now())


@router.get(f"{SCORING}/versions", summary="List what the scoring policy has been")
async def list_scoring_versions(
    query: Annotated[ById, Query()], principal: FraudKeeper, database: Db
) -> Page[Published[ScoringPolicy]]:
    async with database.transaction() as connection:
        found = await fraud_settings.versions(connection, ScoringPolicy)
    return slice_by_id({f"{each.version:09d}": each for each in found}, query)
