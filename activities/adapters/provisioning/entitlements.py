"""Entitlements in our own PostgreSQL, behind the provisioning port."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from activities.store import access_blocks, entitlements
from activities.store.database import Connection, Database
from domain import keys
from domain.errors import Refused
from domain.provisioning import DataExport, ProvisionRequest, ProvisionResult, RemoteState, Verb

_REQUESTED = "suspended"
"""The reason of what is suspended through the provisioning port."""


class EntitlementProvisioner:
    """Grants a plan's entitlements from one source, `<order>:<item>`. Every verb may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._verbs: dict[Verb, Callable[[Connection, ProvisionRequest], Awaitable[RemoteState]]] = {
            Verb.create: self._prepare,
            Verb.activate: self._grant,
            Verb.change: self._grant,
            Verb.suspend: self._suspend,
            Verb.resume: self._resume,
            Verb.terminate: self._revoke,
            Verb.verify: self._verify,
        }

    async def perform(self, request: ProvisionRequest) -> ProvisionResult:
        if request.verb not in self._verbs:
            raise Refused(f"entitlements are granted or not, and have no {request.verb}", code="unsupported")
        async with self._database.transaction() as connection:
            state = await self._verbs[request.verb](connection, request)
        return ProvisionResult(state=state, remote_id=request.reference, quantity=request.quantity)

    async def export(self, request: ProvisionRequest) -> DataExport:
        raise Refused("entitlements hold nothing of a customer that could be given out", code="unsupported")

    async def capabilities(self) -> frozenset[Verb]:
        return frozenset()

    async def check(self) -> None:
        await self._database.ping()

    async def look_up(self, reference: str) -> ProvisionResult:
        async with self._database.transaction() as connection:
            held = await entitlements.held(connection, reference)
        return ProvisionResult(state=RemoteState.active if held else RemoteState.absent, remote_id=reference)

    async def _prepare(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        return RemoteState.inactive

    async def _grant(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        await self._hold(connection, request.reference)
        features = {name: _per_unit(value, request.quantity) for name, value in request.entitlements.items()}
        await entitlements.grant(connection, request.reference, request.customer, features, datetime.now(UTC))
        return RemoteState.active

    async def _hold(self, connection: Connection, reference: str) -> None:
        """A call that comes after its order's end, late or from a workflow that was reset, must not bring access back."""
        order, _ = keys.split_reference(reference) or (reference, "")
        if not await access_blocks.hold_unless_ended(connection, order, reference):
            raise Refused(f"order {order} has ended and grants nothing any more", code="ended")

    async def _suspend(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        await access_blocks.block(connection, [request.reference], _REQUESTED, _REQUESTED, datetime.now(UTC))
        return RemoteState.suspended

    async def _resume(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        """Lifts only what `suspend` had closed: other reasons hold on."""
        await access_blocks.lift_of(connection, request.reference, _REQUESTED, datetime.now(UTC))
        return RemoteState.active

    async def _revoke(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        await entitlements.revoke(connection, request.reference, datetime.now(UTC))
        return RemoteState.terminated

    async def _verify(self, connection: Connection, request: ProvisionRequest) -> RemoteState:
        if request.entitlements and not await entitlements.held(connection, request.reference):
            raise Refused(f"{request.reference} has none of its entitlements", code="absent")
        return RemoteState.active


def _per_unit(value: str, quantity: int) -> str:
    """The value `quantity` stands for the ordered number of units."""
    return str(quantity) if value == "quantity" else value
