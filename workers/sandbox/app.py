"""The sandbox as one FastAPI application: a payment gateway, any number of partners, tax services, and a journal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from workers.sandbox.afterwards import afterwards_router
from workers.sandbox.config import SandboxConfig
from workers.sandbox.control_routes import control_router
from workers.sandbox.faults import Faults
from workers.sandbox.fraud_routes import fraud_router
from workers.sandbox.gateway import PaymentDesk
from workers.sandbox.gateway_routes import gateway_router
from workers.sandbox.journal import MAIN_GATEWAY, Journal
from workers.sandbox.partner_routes import partner_router
from workers.sandbox.partners import PartnerDesk
from workers.sandbox.pulse import beat
from workers.sandbox.replies import Problem
from workers.sandbox.tax_routes import tax_router
from workers.sandbox.webhooks import Webhooks


def create_app(config: SandboxConfig) -> FastAPI:
    """Serve it with `wire.SandboxServer`, which can drop connections. The journal is opened here and closed when the
    application shuts down."""
    journal, faults = Journal(config.data), Faults()
    partners = PartnerDesk(journal, config, faults)
    webhooks = Webhooks(journal, config, faults, partners.callbacks.wake)
    app = FastAPI(title="Turnup sandbox", lifespan=lambda _: _alive(journal, partners, webhooks))
    app.include_router(control_router(journal, faults))
    for name in (MAIN_GATEWAY, *config.gateways):
        app.include_router(gateway_router(PaymentDesk(journal, config.pending_asks, name), faults, name))
        app.include_router(afterwards_router(journal, webhooks, faults, name))
    app.include_router(partner_router(partners, faults))
    app.include_router(tax_router(faults))
    app.include_router(fraud_router(faults))
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    return app


def _alive(journal: Journal, partners: PartnerDesk, webhooks: Webhooks) -> AbstractAsyncContextManager[None]:
    @asynccontextmanager
    async def alive() -> AsyncIterator[None]:
        pulse = asyncio.create_task(beat(partners, webhooks))
        try:
            yield
        finally:
            pulse.cancel()
            with suppress(asyncio.CancelledError):
                await pulse
            await partners.callbacks.aclose()
            await webhooks.aclose()
            journal.close()

    return alive()


async def _answer_problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.reply().response()


async def _answer_invalid(_: Request, error: Exception) -> Response:
    """Names the field and not what was in it, which might have been a card number."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = () if first["type"] == "json_invalid" else first["loc"][1:]
    field = ".".join(str(part) for part in where) or str(first["loc"][0])
    return Problem(422, "invalid", f"{field}: {first['msg'].removeprefix('Value error, ')}").reply().response()
