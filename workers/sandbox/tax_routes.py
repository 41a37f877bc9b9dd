"""The HTTP face of a tax register, as VIES has it, and of a tax engine that charges one tenth on everything."""

import json
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from domain.payments import Outcome
from domain.values import Value
from workers.sandbox.faults import Faults, Operation
from workers.sandbox.replies import Reply
from workers.sandbox.serving import IdempotencyKey, serve

Text = Annotated[str, Field(max_length=200)]


class NumberBody(Value):
    country: Text = Field(alias="countryCode")
    number: Text = Field(alias="vatNumber")
    requester: Text | None = Field(None, alias="requesterNumber")


class Buyer(Value):
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    region: Text | None = None


class Line(Value):
    id: Text


class DocumentBody(Value):
    document: Text
    buyer: Buyer
    lines: list[Line]


def tax_router(faults: Faults) -> APIRouter:
    """Faults of `check_vat` are narrowed by number (`"order": "DE136695976"`): `decline_hard` is a number that nobody has, and
    `decline_soft` a member state that does not answer. Those of `decide_tax` are narrowed by document."""
    router = APIRouter(tags=["tax"])

    @router.post("/register/check-vat-number")
    async def check(body: NumberBody) -> Response:
        fault = faults.draw(Operation.check_vat, f"{body.country}{body.number}:")
        return serve(fault, lambda forced: _checked(body, forced))

    @router.post("/tax/decisions")
    async def decide(body: DocumentBody, idempotency_key: IdempotencyKey) -> Response:
        return serve(faults.draw(Operation.decide_tax, f"{body.document}:"), lambda _: _decided(body))

    return router


def _checked(body: NumberBody, forced: Outcome | None) -> Reply:
    if forced is Outcome.declined_soft:
        return _said({"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]})
    valid = forced is None
    consultation = f"SANDBOX{body.number}" if body.requester else ""
    name = "Sandbox Trading" if valid else "---"
    number = {"countryCode": body.country, "vatNumber": body.number}
    return _said({**number, "valid": valid, "name": name, "requestIdentifier": consultation})


def _decided(body: DocumentBody) -> Reply:
    place = {"country": body.buyer.country, "region": body.buyer.region}
    rate = {"jurisdiction": place, "tax": "VAT", "percent": "10", "source": "sandbox"}
    decision = {"treatment": "taxed", "category": "S", "place": place, "rates": [rate], "note": "10 % VAT by the sandbox"}
    return _said({"lines": [{"id": line.id, **decision} for line in body.lines]})


def _said(content: dict[str, object]) -> Reply:
    return Reply(200, json.dumps(content), remember=False)
