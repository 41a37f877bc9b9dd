"""How the sandbox is told to misbehave, and asked what truly happened."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import JsonValue, ValidationError

from domain.values import Value
from workers.sandbox.faults import Fault, Faults, FaultState
from workers.sandbox.journal import Fact, Journal, Summary
from workers.sandbox.replies import Problem

Order = Annotated[str | None, Query(max_length=200)]


class Health(Value):
    status: str = "ok"


def control_router(journal: Journal, faults: Faults) -> APIRouter:
    router = APIRouter(tags=["control"])

    @router.get("/healthz")
    async def healthz() -> Health:
        return Health()

    @router.get("/faults")
    async def show() -> list[FaultState]:
        return faults.states()

    @router.put("/faults")
    async def replace(body: Annotated[JsonValue, Body()]) -> list[FaultState]:
        """One fault or a list of them, in place of all that were there."""
        faults.replace(_faults(body))
        return faults.states()

    @router.delete("/faults", status_code=204)
    async def clear() -> None:
        faults.replace([])

    @router.get("/journal")
    async def facts(since: Annotated[int, Query(ge=0, lt=2**63)] = 0, order: Order = None) -> list[Fact]:
        return journal.facts(since, order)

    @router.get("/journal/summary")
    async def summary(order: Order = None) -> Summary:
        return journal.summary(order)

    return router


def _faults(body: JsonValue) -> list[Fault]:
    if isinstance(body, list):
        return [_fault(each, f"[{place}].") for place, each in enumerate(body)]
    return [_fault(body, "")]


def _fault(body: JsonValue, prefix: str) -> Fault:
    try:
        return Fault.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = prefix + (".".join(str(part) for part in first["loc"]) or "body")
        raise Problem(422, "bad_fault", f"{field}: {first['msg'].removeprefix('Value error, ')}") from None
