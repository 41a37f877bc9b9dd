"""The HTTP face of a fraud service: a point for each ten units of money, so that 900.00 are 90."""

import json
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from domain.money import Money
from domain.values import Value
from workers.sandbox.faults import Faults, Operation
from workers.sandbox.replies import Reply
from workers.sandbox.serving import IdempotencyKey, serve

A_POINT = 1000
"""Minor units."""


class OrderBody(Value):
    order: Annotated[str, Field(max_length=200)]
    amount: Money


def fraud_router(faults: Faults) -> APIRouter:
    """Faults of `score_fraud` are narrowed by order."""
    router = APIRouter(tags=["fraud"])

    @router.post("/fraud/scores")
    async def score(body: OrderBody, idempotency_key: IdempotencyKey) -> Response:
        return serve(faults.draw(Operation.score_fraud, idempotency_key), lambda _: _scored(body))

    return router


def _scored(body: OrderBody) -> Reply:
    return Reply(200, json.dumps({"score": min(100, body.amount.minor // A_POINT)}), remember=False)
