"""Asking the fraud service for an order's score, within the time that the policy gives."""

import asyncio
from datetime import UTC, datetime

from temporalio import activity

from activities.adapters.fraud.port import FraudScorer
from activities.contracts.fraud_scores import FraudScores
from activities.store import fraud_scores, fraud_settings
from activities.store.database import Database
from domain.errors import TurnupError
from domain.fraud_scores import KeptScore, ScoreQuestion, ScoringPolicy
from domain.orders import Order


class StoredFraudScores(FraudScores):
    def __init__(self, database: Database, scorer: FraudScorer) -> None:
        self._database = database
        self._scorer = scorer

    @activity.defn(name="fraud_score")
    async def ask(self, order: Order) -> KeptScore:
        async with self._database.transaction() as connection:
            if (kept := await fraud_scores.find(connection, order.id)) is not None:
                return kept
            policy = (await fraud_settings.current(connection, ScoringPolicy)).setting
            question = await fraud_scores.question(connection, order)
        found = await self._asked(question, policy.seconds)
        async with self._database.transaction() as connection:
            return await fraud_scores.keep(connection, order.id, found, datetime.now(UTC))

    async def _asked(self, question: ScoreQuestion, seconds: int) -> KeptScore:
        try:
            async with asyncio.timeout(seconds):
                return KeptScore(score=await self._scorer.score(question))
        except TimeoutError:
            return KeptScore(trouble=f"no answer within {seconds} s")
        except TurnupError as error:
            return KeptScore(trouble=str(error))
