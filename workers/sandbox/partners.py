"""The partners that the sandbox plays: their services, and the facts they leave in the journal."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from domain.payments import Outcome
from domain.provisioning import CallbackAbout, CallbackStatus, ExportState, PartnerCallback, RemoteState
from domain.values import Instant, StrictValue, Value
from workers.sandbox.callbacks import Callbacks
from workers.sandbox.config import SandboxConfig
from workers.sandbox.faults import Faults, Mode, Operation
from workers.sandbox.idempotency import fingerprint, once
from workers.sandbox.journal import FactKind, Journal
from workers.sandbox.replies import Problem, Reply, answer
from workers.sandbox.services import MOVES, SPEEDS, ChangeBody, Export, Service, ServiceBody, SimpleVerb


class PartnerSettings(StrictValue):
    """Replaces what the process was started with; what is left out goes back to that.

    `hold` keeps work from finishing by itself; `available` false makes its health check say no; `throttles` false is a partner
    that cannot slow a service down, and says so, as `exports` false is one that gives out nothing of what is in it. What it
    gives out can be fetched for `export_days`, or as long as the service is there. `callback_url` is the root of another API to
    call back.
    """

    delay_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    hold: bool = False
    asynchronous: bool | None = None
    available: bool = True
    throttles: bool = True
    exports: bool = True
    export_days: Annotated[float, Field(gt=0, le=3660)] | None = None
    callback_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] | None = None


class ExportView(Value):
    reference: str
    state: ExportState
    url: str | None
    expires_at: Instant | None


class ServiceView(Value):
    reference: str
    remote_id: str
    state: RemoteState
    plan: str
    quantity: int
    characteristics: dict[str, str]
    throttled: bool
    message: str


class PartnerDesk:
    """Every public method is one transaction. A repeated idempotency key has no second effect, and is answered with
    what the service is now. `forced` is a decline that a fault orders."""

    def __init__(self, journal: Journal, config: SandboxConfig, faults: Faults) -> None:
        self._journal = journal
        self._config = config
        self._faults = faults
        self.callbacks = Callbacks(journal, config, self._callback_url)

    def settings(self, partner: str) -> PartnerSettings:
        row = self._journal.one("SELECT body FROM settings WHERE partner = ?", partner)
        return PartnerSettings() if row is None else PartnerSettings.model_validate_json(row["body"])

    def configure(self, partner: str, settings: PartnerSettings) -> None:
        if settings.asynchronous and partner not in self._config.secrets:
            raise Problem(422, "no_secret", f"asynchronous: {partner} has no webhook secret to sign callbacks with")
        with self._journal.transaction():
            self._journal.execute(
                "INSERT INTO settings (partner, body) VALUES (?, ?) ON CONFLICT (partner) DO UPDATE SET body = excluded.body",
                partner,
                settings.model_dump_json(),
            )
        self.callbacks.wake.set()

    def create(self, partner: str, key: str, body: ServiceBody, forced: Outcome | None) -> Reply:
        def act() -> Reply:
            if forced is not None or body.wish == "refuse":
                raise _refusal(forced)
            service = self._opened(partner, body)
            reply = answer(202 if service.state is RemoteState.working else 201, _view(service))
            if service.misbehaviour is Mode.early_callback:
                self._finish(service, _natural_end(service))
            return reply

        return self._once(partner, key, body.reference, fingerprint("create", body), act)

    async def call_back_early(self, partner: str, reference: str) -> None:
        """To be awaited before `create` is answered: tells at once what an early partner has to tell."""
        service = self._get(partner, reference)
        if service is not None and service.misbehaviour is Mode.early_callback:
            await self.callbacks.deliver((partner, reference))

    def change(self, partner: str, reference: str, key: str, body: ChangeBody, forced: Outcome | None) -> Reply:
        def act() -> Reply:
            if forced is not None:
                raise _refusal(forced)
            service = self._find(partner, reference).changed(body)
            self._save(service)
            self._record(FactKind.changed, service, f"{service.plan} x {service.quantity}")
            return answer(200, _view(service))

        return self._once(partner, key, reference, fingerprint(f"change {reference}", body), act)

    def move(self, partner: str, reference: str, key: str, verb: SimpleVerb, forced: Outcome | None) -> Reply:
        def act() -> Reply:
            if forced is not None:
                raise _refusal(forced)
            if verb in SPEEDS and not self.settings(partner).throttles:
                raise Problem(422, "unsupported", "this partner cannot slow a service down")
            service = self._find(partner, reference)
            moved = service.moved(verb)
            if moved is not service:
                self._save(moved)
                self._record(SPEEDS[verb] if verb in SPEEDS else MOVES[verb].fact, moved)
            if verb is SimpleVerb.terminate:
                self.callbacks.withdraw(partner, reference)
            return answer(200, _view(moved))

        return self._once(partner, key, reference, fingerprint(f"{verb} {reference}", None), act)

    def export(self, partner: str, reference: str, key: str, root: str, forced: Outcome | None) -> Reply:
        """A new file, unless there is one that can be fetched. It is served under `root`."""

        def act() -> Reply:
            if forced is not None:
                raise _refusal(forced)
            if not self.settings(partner).exports:
                raise Problem(422, "unsupported", "this partner gives out nothing of what is in a service")
            service = self._find(partner, reference)
            if service.export is None or not service.export.is_there(datetime.now(UTC)):
                service = self._exporting(service, f"{root}/exports/{secrets.token_urlsafe(24)}")
            return answer(200, _export_view(service))

        return self._once(partner, key, reference, fingerprint(f"export {reference}", None), act, _export_view)

    def look_up_export(self, partner: str, reference: str) -> Reply:
        service = self._find(partner, reference)
        if service.export is None:
            raise Problem(404, "export_absent", "nothing was exported of this service")
        return answer(200, _export_view(service))

    def fetch(self, partner: str, url: str) -> Reply:
        """What whoever knows the address gets."""
        query = "SELECT body FROM services WHERE partner = ? AND json_extract(body, '$.export.url') = ?"
        row = self._journal.one(query, partner, url)
        service = None if row is None else Service.model_validate_json(row["body"])
        ready = service is not None and service.export is not None and service.export.state is ExportState.ready
        if service is None or service.export is None or not ready or not service.export.is_there(datetime.now(UTC)):
            raise Problem(404, "export_absent", "there is nothing to fetch here")
        return answer(200, _view(service))

    def _exporting(self, service: Service, url: str) -> Service:
        if self._is_asynchronous(service.partner):
            at_work = service.exported(Export(state=ExportState.working, url=url))
            self._save(at_work)
            return at_work
        return self._finish_export(service.exported(Export(state=ExportState.working, url=url)), tells=False)

    def _finish_export(
        self, service: Service, status: CallbackStatus = CallbackStatus.completed, *, tells: bool = True
    ) -> Service:
        made = status is CallbackStatus.completed
        days = self.settings(service.partner).export_days
        expires = None if days is None or not made else datetime.now(UTC) + timedelta(days=days)
        state = ExportState.ready if made else ExportState.failed
        before = service.export.url if service.export is not None else ""
        finished = service.model_copy(update={"export": Export(state=state, url=before, expires_at=expires)})
        self._record(FactKind.exported if made else FactKind.export_failed, finished)
        if not tells:
            self._save(finished)
            return finished
        return self._told(self._struck(finished, Operation.callback), status, CallbackAbout.export)

    def look_up(self, partner: str, reference: str) -> Reply:
        return answer(200, _view(self._find(partner, reference)))

    def finish(self, partner: str, reference: str, status: CallbackStatus, message: str = "") -> Reply:
        """End the work now, held or not."""
        with self._journal.transaction():
            service = self._find(partner, reference)
            if service.export is not None and service.export.state is ExportState.working:
                finished = self._finish_export(service, status)
            else:
                service.must_be(RemoteState.working)
                finished = self._finish(service, status, message)
        self.callbacks.wake.set()
        return answer(200, _view(finished))

    def finish_due(self) -> None:
        """End all work whose time has come and that is not held."""
        with self._journal.transaction():
            for service in self._at_work(time.time()):
                if service.state is RemoteState.working:
                    self._finish(service, _natural_end(service))
                else:
                    self._finish_export(service)

    def next_due(self) -> float | None:
        """When the next work ends by itself, in seconds since the epoch."""
        rows = self._journal.execute(
            "SELECT partner, min(finish_at) AS due FROM services WHERE finish_at IS NOT NULL GROUP BY partner"
        )
        due = [row["due"] for row in rows if not self.settings(row["partner"]).hold]
        return min(due, default=None)

    def _once(
        self,
        partner: str,
        key: str,
        reference: str,
        request: str,
        act: Callable[[], Reply],
        view: "Callable[[Service], Value] | None" = None,
    ) -> Reply:
        acted = False

        def act_and_tell() -> Reply:
            nonlocal acted
            acted = True
            return act()

        reply = once(self._journal, f"partner {partner}", key, request, act_and_tell)
        self.callbacks.wake.set()
        return reply if acted else answer(reply.status, (view or _view)(self._find(partner, reference)))

    def _opened(self, partner: str, body: ServiceBody) -> Service:
        """A new account, or the account of failed work that is tried again."""
        existing = self._get(partner, body.reference)
        if existing is not None and existing.state is not RemoteState.failed:
            raise Problem(409, "already_exists", f"the reference belongs to a service that is {existing.state}")
        service = Service(
            partner=partner,
            **body.model_dump(),
            state=self._first_state(partner, body),
            remote_id=f"{partner}-{secrets.token_hex(6)}" if existing is None else existing.remote_id,
            sequence=0 if existing is None else existing.sequence,
        )
        self._save(service)
        self._record(FactKind.service_created if existing is None else FactKind.service_restarted, service)
        if service.state is not RemoteState.working:
            return service
        return self._told(self._struck(service, Operation.create, Operation.callback), CallbackStatus.accepted)

    def _struck(self, service: Service, *operations: Operation) -> Service:
        """With the misbehaviour that a fault orders for its callbacks, if it has none yet."""
        if service.misbehaviour is not None:
            return service
        fault = self._faults.draw_callback(operations, service.reference, service.partner)
        if fault is None:
            return service
        return service.model_copy(update={"misbehaviour": fault.mode, "callback_delay": fault.delay})

    def _first_state(self, partner: str, body: ServiceBody) -> RemoteState:
        if self._is_asynchronous(partner):
            return RemoteState.working
        return RemoteState.failed if body.wish == "fail" else RemoteState.inactive

    def _is_asynchronous(self, partner: str) -> bool:
        asynchronous = self.settings(partner).asynchronous
        return partner in self._config.asynchronous if asynchronous is None else asynchronous

    def _finish_at(self, service: Service) -> float | None:
        if not service.is_at_work:
            return None
        delay = self.settings(service.partner).delay_seconds
        return time.time() + (self._config.delay_seconds if delay is None else delay)

    def _finish(self, service: Service, status: CallbackStatus, message: str = "") -> Service:
        completed = status is CallbackStatus.completed
        finished = self._struck(service, Operation.callback).to(
            RemoteState.inactive if completed else RemoteState.failed, message
        )
        self._record(FactKind.service_ready if completed else FactKind.service_failed, finished, message)
        return self._told(finished, status)

    def _told(self, service: Service, status: CallbackStatus, about: CallbackAbout = CallbackAbout.service) -> Service:
        """The service with one more callback owed about it, unless the partner keeps silent."""
        told = service.model_copy(update={"sequence": service.sequence + 1})
        self._save(told)
        if told.misbehaviour is not Mode.no_callback:
            late = told.misbehaviour is Mode.late_callback and status is not CallbackStatus.accepted
            due_at = time.time() + (told.callback_delay if late else 0)
            self.callbacks.owe(told.partner, _callback(told, status, about), due_at, told.misbehaviour)
        return told

    def _at_work(self, until: float) -> list[Service]:
        rows = self._journal.execute("SELECT body FROM services WHERE finish_at <= ? ORDER BY finish_at", until)
        services = [Service.model_validate_json(row["body"]) for row in rows.fetchall()]
        return [service for service in services if not self.settings(service.partner).hold]

    def _callback_url(self, partner: str) -> str:
        root = self.settings(partner).callback_url or self._config.callback_url
        return f"{root.rstrip('/')}/v1/callbacks/{partner}"

    def _get(self, partner: str, reference: str) -> Service | None:
        row = self._journal.one("SELECT body FROM services WHERE partner = ? AND reference = ?", partner, reference)
        return None if row is None else Service.model_validate_json(row["body"])

    def _find(self, partner: str, reference: str) -> Service:
        service = self._get(partner, reference)
        if service is None:
            raise Problem(404, "service_absent", "there is no service with this reference")
        return service

    def _save(self, service: Service) -> None:
        self._journal.execute(
            "INSERT INTO services (partner, reference, finish_at, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (partner, reference) DO UPDATE SET finish_at = excluded.finish_at, body = excluded.body",
            service.partner,
            service.reference,
            self._finish_at(service),
            service.model_dump_json(),
        )

    def _record(self, kind: FactKind, service: Service, detail: str = "") -> None:
        self._journal.record(kind, service.reference, partner=service.partner, remote_id=service.remote_id, detail=detail)


def _refusal(forced: Outcome | None) -> Problem:
    if forced is None:
        return Problem(422, "not_serviceable", "this cannot be provided there")
    return Problem(422, forced.value, "the partner declines")


def _natural_end(service: Service) -> CallbackStatus:
    return CallbackStatus.failed if service.wish == "fail" else CallbackStatus.completed


def _callback(service: Service, status: CallbackStatus, about: CallbackAbout) -> PartnerCallback:
    return PartnerCallback(
        reference=service.reference,
        about=about,
        status=status,
        sequence=service.sequence,
        remote_id=service.remote_id,
        message=service.message,
    )


def _view(service: Service) -> ServiceView:
    return ServiceView(**service.model_dump(include=set(ServiceView.model_fields)))


def _export_view(service: Service) -> ExportView:
    """Where it is, once it is there."""
    made = service.export or Export(state=ExportState.failed, url="")
    url = made.url if made.state is ExportState.ready else None
    return ExportView(reference=service.reference, state=made.state, url=url, expires_at=made.expires_at)
