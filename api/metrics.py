"""What Prometheus may ask: requests as they happen, and orders, fallout and backlog as the database has them."""

import time
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from activities.store import dispatches, due_rows, invoices, patrol, receipts, reconciliation, routing, subscriptions, views
from activities.store.database import Database
from domain.invariants.catalogue import INVARIANTS
from domain.states import OrderState, SubscriptionState

FRESH_FOR = 5.0
"""Seconds for which counts over whole tables are answered again without asking the database."""


class Metrics:
    """One registry for each app, so that two apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self._requests = Counter("turnup_http_requests", "Requests answered", labels, registry=self.registry)
        self._seconds = Histogram("turnup_http_seconds", "Time to answer", ["method", "route"], registry=self.registry)
        self._orders = Gauge("turnup_orders", "Orders by state", ["state"], registry=self.registry)
        self._fallout = Gauge("turnup_fallout_open", "Fallout that waits for a decision", registry=self.registry)
        self._backlog = Gauge("turnup_dispatch_backlog", "Due and not yet sent to Temporal", registry=self.registry)
        self._due = Gauge("turnup_due_rows_waiting", "Due at a business date and not yet done", registry=self.registry)
        self._subscriptions = Gauge("turnup_subscriptions", "Subscriptions by state", ["state"], registry=self.registry)
        self._violations = Gauge(
            "turnup_patrol_violations", "What the patrol found and is not gone", ["invariant"], registry=self.registry
        )
        self._waiting = Gauge("turnup_invoices_waiting", "Drafts that are due and cannot be issued", registry=self.registry)
        self._suspense = Gauge(
            "turnup_suspense_minor_units", "Money whose owner is not known", ["currency"], registry=self.registry
        )
        self._differences = Gauge(
            "turnup_differences_open", "What gateway, ledger and invoices do not say alike", registry=self.registry
        )
        self._well = Gauge(
            "turnup_gateway_healthy", "1 where payments may go to it, else 0", ["gateway"], registry=self.registry
        )
        self._failed = Gauge(
            "turnup_gateway_failed", "Of the last answers, those that spoke against it", ["gateway"], registry=self.registry
        )
        self._read_at = float("-inf")

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request. `route` is its template, never an address with ids in it."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    async def text(self, database: Database) -> bytes:
        """All of it in Prometheus' text format. Raises Unavailable."""
        if time.monotonic() - self._read_at > FRESH_FOR:
            await self._read(database)
            self._read_at = time.monotonic()
        return generate_latest(self.registry)

    async def _read(self, database: Database) -> None:
        async with database.transaction() as connection:
            counts = await views.counts_by_state(connection)
            self._fallout.set(await views.open_fallout(connection))
            self._backlog.set(await dispatches.unsent(connection))
            self._due.set(await due_rows.waiting(connection))
            found = await patrol.open_by_invariant(connection)
            running = await subscriptions.counts(connection)
            self._waiting.set(await invoices.waiting(connection))
            self._differences.set(await reconciliation.open_items(connection))
            suspense = await receipts.suspense(connection)
            gateways = await routing.health(connection)
        now = datetime.now(UTC)
        for name, health in gateways.items():
            self._well.labels(name).set(not health.is_down(now))
            self._failed.labels(name).set(health.failed)
        for state in OrderState:
            self._orders.labels(state).set(counts.get(state, 0))
        for subscription_state in SubscriptionState:
            self._subscriptions.labels(subscription_state).set(running.get(subscription_state, 0))
        for invariant in INVARIANTS:
            self._violations.labels(invariant.name).set(found.get(invariant.name, 0))
        self._suspense.clear()
        for currency, minor in suspense.items():
            self._suspense.labels(currency).set(minor)
