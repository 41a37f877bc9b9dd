"""The API as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

import httpx
import structlog
from fastapi import FastAPI
from temporalio.client import Client

from activities.adapters.documents.press import Press
from activities.adapters.gateway.composition import heralds
from activities.runtime.background import running
from activities.runtime.keepers import keepers
from activities.runtime.processes import Processes
from activities.runtime.settings import Settings
from activities.runtime.taxes import tax_engines
from activities.store.database import EVENTS_CHANNEL, Database
from activities.store.listener import Listener
from api import context, openapi, problems
from api.auth import Keyring
from api.context import Context
from api.edge import BoundedBody, Observed
from api.metrics import Metrics
from api.routes import (
    api_keys,
    approval_policies,
    callbacks,
    coupons,
    credit_notes,
    customers,
    disputes,
    dunning_cases,
    dunning_policies,
    fallout,
    fraud_lists,
    fraud_rules,
    fraud_settings,
    gateways,
    invoice_documents,
    invoice_items,
    invoices,
    ledger,
    legal_entities,
    messages,
    operations,
    orders,
    patrol,
    payment_methods,
    payments,
    plans,
    policies,
    prepaid_credits,
    prices,
    privacy,
    products,
    reconciliation,
    refunds,
    reports,
    routing_rules,
    services,
    subscription_changes,
    subscriptions,
    tax_rates,
    test_clocks,
    webhooks,
)

ROUTES = (
    orders,
    fallout,
    patrol,
    callbacks,
    webhooks,
    customers,
    privacy,
    payment_methods,
    products,
    plans,
    prices,
    approval_policies,
    legal_entities,
    tax_rates,
    test_clocks,
    policies,
    services,
    subscription_changes,
    subscriptions,
    messages,
    dunning_policies,
    dunning_cases,
    invoices,
    invoice_documents,
    credit_notes,
    invoice_items,
    coupons,
    prepaid_credits,
    payments,
    refunds,
    disputes,
    fraud_lists,
    fraud_rules,
    fraud_settings,
    routing_rules,
    gateways,
    ledger,
    reconciliation,
    reports,
    api_keys,
    operations,
)

log = structlog.get_logger()


def create_app(
    settings: Settings,
    *,
    database: Database,
    client: Client,
    processes: context.Processes | None = None,
) -> FastAPI:
    """The application. The caller closes `database`; `processes` is how running orders are asked, by default through `client`.

    `app.state` holds what the console shares: `settings`, `context`, `keyring` and `listener`.
    """
    through_temporal = Processes(client)
    app = FastAPI(
        title="Turnup",
        version=_version(),
        summary="Order fulfilment that loses no order and charges nobody twice",
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.http = httpx.AsyncClient()
    app.state.context = Context(
        database,
        processes or through_temporal,
        taxes=tax_engines(settings, app.state.http),
        press=Press(settings.documents_folder),
        keepers=keepers(settings, app.state.http),
        default_gateway=settings.gateway,
        heralds=heralds(settings.all_gateways(), settings.gateway_secrets, app.state.http),
    )
    app.state.keyring = Keyring(database)
    app.state.listener = Listener(database.url, EVENTS_CHANNEL)
    app.state.temporal = client
    app.state.metrics = Metrics()
    for route in ROUTES:
        app.include_router(route.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BoundedBody)
    app.add_middleware(Observed, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.http, running(app.state.listener.run):
        yield


def _version() -> str:
    try:
        return version("turnup")
    except PackageNotFoundError:
        return "0"
