"""Contesting and accepting disputes at Stripe.

No Stripe that runs on this machine has disputes. What answers here is a stub that does what Stripe's documentation says of them
(https://docs.stripe.com/api/disputes) and of a 500, which is saved under its idempotency key (https://docs.stripe.com/api/idempotent_requests).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from activities.adapters.gateway.stripe.gateway import StripeGateway
from domain.errors import Refused, Unknown
from domain.gateway_events import Evidence
from tests.sandbox_server import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")
EVIDENCE = Evidence(explanation="used every day")


@dataclass
class Stub:
    """`fails` says how the next call that changes something ends: `before` or `after` it has happened."""

    status: str = "needs_response"
    submissions: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    saved: dict[str, Response] = field(default_factory=dict)
    url: str = ""

    async def answer(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        if request.method == "GET":
            return JSONResponse(self._dispute())
        if key not in self.saved:
            self.saved[key] = await self._change(request)
        return self.saved[key]

    async def _change(self, request: Request) -> Response:
        fault = self.fails.pop(0) if self.fails else None
        if fault == "before":
            return _error(500, "api_error")
        if self.status != "needs_response":
            return _error(400, "invalid_request_error")
        if request.url.path.endswith("/close"):
            self.status = "lost"
        else:
            self.submissions.append(str((await request.form())["evidence[uncategorized_text]"]))
            self.status = "under_review"
        return _error(500, "api_error") if fault else JSONResponse(self._dispute())

    def _dispute(self) -> dict[str, Any]:
        details = {"submission_count": len(self.submissions)}
        return {"id": "du_1", "object": "dispute", "status": self.status, "evidence_details": details}


def _error(status: int, kind: str) -> Response:
    return JSONResponse({"error": {"type": kind, "message": "as told"}}, status)


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[Stub]:
    made, app = Stub(), FastAPI()
    app.add_route("/{path:path}", made.answer, methods=["GET", "POST"])
    async with serving(app) as made.url:
        yield made


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_evidence_that_met_a_500_is_submitted_once_when_it_is_tried_again(stub: Stub, fault: str) -> None:
    gateway = StripeGateway(SecretStr("sk_test_1"), url=stub.url)
    stub.fails.append(fault)
    with pytest.raises(Unknown):
        await gateway.submit_evidence("du_1", "stripe:du_1:evidence", EVIDENCE)
    for _ in range(2):
        await gateway.submit_evidence("du_1", "stripe:du_1:evidence", EVIDENCE)
    assert stub.submissions == ["used every day"]


async def test_giving_in_is_done_once_and_then_no_evidence_is_taken(stub: Stub) -> None:
    gateway = StripeGateway(SecretStr("sk_test_1"), url=stub.url)
    stub.fails.append("after")
    with pytest.raises(Unknown):
        await gateway.accept_dispute("du_1", "stripe:du_1:accept")
    await gateway.accept_dispute("du_1", "stripe:du_1:accept")
    assert stub.status == "lost"
    with pytest.raises(Refused):
        await gateway.submit_evidence("du_1", "stripe:du_1:evidence", EVIDENCE)
