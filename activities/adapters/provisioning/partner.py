"""A partner that is provisioned over HTTP and calls back when its work is done."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import httpx
from pydantic import Field, SecretStr, model_validator

from activities.adapters.http import TOTAL_SECONDS, Call, Peer
from domain.errors import Refused, Unavailable, Unknown
from domain.provisioning import (
    Characteristics,
    DataExport,
    ExportState,
    ProvisionRequest,
    ProvisionResult,
    RemoteState,
    Verb,
)
from domain.values import Instant, Value

_ABSENT = "service_absent"
_NOT_EXPORTED = "export_absent"
_LIVE = frozenset({RemoteState.inactive, RemoteState.active, RemoteState.suspended})


class _Order(Value):
    reference: str
    customer: str
    product: str
    plan: str
    quantity: int
    characteristics: Characteristics


class _Change(Value):
    plan: str
    quantity: int
    characteristics: Characteristics


class _Service(Value):
    """What the partner says of one service."""

    reference: str
    state: RemoteState
    remote_id: str | None = None
    plan: str | None = None
    quantity: int | None = None
    characteristics: Characteristics = Field(default_factory=dict)
    throttled: bool = False
    message: str = ""

    def result(self) -> ProvisionResult:
        return ProvisionResult(**self.model_dump(include=set(ProvisionResult.model_fields)))


class _Export(Value):
    """What the partner says of an export. `url` is where it can be fetched once it is `ready`."""

    reference: str
    state: Literal[ExportState.working, ExportState.failed, ExportState.ready]
    url: Annotated[str | None, Field(pattern=r"^https?://[^\s<>\"]{1,2000}$", repr=False)] = None
    expires_at: Instant | None = None

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if self.state is ExportState.ready and self.url is None:
            raise ValueError("url: what is ready is somewhere")
        return self

    def is_there(self, now: datetime) -> bool:
        """Whether it need not be asked for again."""
        return self.state is not ExportState.failed and (self.expires_at is None or self.expires_at > now)

    def result(self) -> DataExport:
        address = SecretStr(self.url) if self.state is ExportState.ready and self.url is not None else None
        return DataExport(state=self.state, address=address, expires_at=self.expires_at)


class _Health(Value):
    """`capabilities` are what the partner can do beyond what every one can; one that names none can do no more."""

    status: str
    capabilities: tuple[str, ...] = ()


class PartnerProvisioner:
    """`base_url` is this partner's own root (for the sandbox `http://host:port/partners/<partner>`); credentials, if
    the partner wants any, are headers of `client`. `partner` names it in error texts."""

    def __init__(self, base_url: str, partner: str, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._peer = Peer(partner, base_url, client, total_seconds)

    async def perform(self, request: ProvisionRequest) -> ProvisionResult:
        if request.verb is Verb.verify:
            return await self.look_up(request.reference)
        if request.probe:
            found = await self._probe(request)
            if found is not None:
                return found
        return await self._act(request)

    async def export(self, request: ProvisionRequest) -> DataExport:
        path = ("services", request.reference, "export")
        found = await self._exported(request, Call("GET", path)) if request.probe else None
        if found is None or not found.is_there(datetime.now(UTC)):
            found = await self._exported(request, Call("POST", path, request.key))
        return DataExport(state=ExportState.failed) if found is None else found.result()

    async def capabilities(self) -> frozenset[Verb]:
        said = await self._peer.call(Call("GET", ("health",)), _Health)
        throttles = {Verb.throttle, Verb.unthrottle} if Verb.throttle in said.capabilities else set[Verb]()
        return frozenset(throttles | ({Verb.export} if Verb.export in said.capabilities else set()))

    async def check(self) -> None:
        await self._peer.call(Call("GET", ("health",)), _Health)

    async def look_up(self, reference: str) -> ProvisionResult:
        service = await self._find(reference)
        return ProvisionResult(state=RemoteState.absent) if service is None else service.result()

    async def _exported(self, request: ProvisionRequest, call: Call) -> _Export | None:
        """None where there is none."""
        try:
            export = await self._peer.call(call, _Export)
        except Refused as refusal:
            if refusal.code != _NOT_EXPORTED:
                raise
            return None
        if export.reference != request.reference:
            raise self._peer.unknown(call, "answered about another service")
        return export

    async def _probe(self, request: ProvisionRequest) -> ProvisionResult | None:
        """What is there, if it is what the verb was to bring about. A look-up that fails leaves the earlier try as
        unknown as it was, even where the look-up itself certainly did not happen."""
        try:
            service = await self._find(request.reference)
        except Unavailable as error:
            raise Unknown(str(error)) from error
        if service is None:
            return _TERMINATED if request.verb is Verb.terminate else None
        return service.result() if _is_done(request, service) else None

    async def _act(self, request: ProvisionRequest) -> ProvisionResult:
        try:
            return (await self._service(request.reference, _call(request))).result()
        except Refused as refusal:
            if request.verb is Verb.create and refusal.code == "already_exists":
                return await self._existing(request, refusal)
            if request.verb is Verb.terminate and refusal.code == _ABSENT:
                return _TERMINATED
            raise

    async def _existing(self, request: ProvisionRequest, refusal: Refused) -> ProvisionResult:
        """The service that the partner says is there already; its refusal stands if that is no longer alive."""
        try:
            service = await self._find(request.reference)
        except Unavailable as error:
            raise Unknown(str(error)) from error
        if service is None or not _is_done(request, service):
            raise refusal
        return service.result()

    async def _find(self, reference: str) -> _Service | None:
        try:
            return await self._service(reference, Call("GET", ("services", reference)))
        except Refused as refusal:
            if refusal.code != _ABSENT:
                raise
            return None

    async def _service(self, reference: str, call: Call) -> _Service:
        service = await self._peer.call(call, _Service)
        if service.reference != reference:
            raise self._peer.unknown(call, "answered about another service")
        return service


_TERMINATED = ProvisionResult(state=RemoteState.terminated, message="nothing to undo")

_DONE: dict[Verb, Callable[[RemoteState], bool]] = {
    Verb.throttle: lambda state: state in _LIVE,
    Verb.unthrottle: lambda state: state in _LIVE,
    Verb.create: lambda state: state is RemoteState.working or state in _LIVE,
    Verb.change: lambda state: state in _LIVE,
    Verb.activate: lambda state: state is RemoteState.active,
    Verb.resume: lambda state: state is RemoteState.active,
    Verb.suspend: lambda state: state is RemoteState.suspended,
    Verb.terminate: lambda state: state in {RemoteState.terminated, RemoteState.absent},
}


def _is_done(request: ProvisionRequest, service: _Service) -> bool:
    """Whether the service is already as the verb would leave it."""
    if not _DONE[request.verb](service.state):
        return False
    if request.verb in {Verb.throttle, Verb.unthrottle}:
        return service.throttled is (request.verb is Verb.throttle)
    return request.verb is not Verb.change or (
        service.plan == request.plan
        and service.quantity == request.quantity
        and service.characteristics == request.characteristics
    )


def _call(request: ProvisionRequest) -> Call:
    if request.verb is Verb.create:
        order = _Order(**request.model_dump(include=set(_Order.model_fields)))
        return Call("POST", ("services",), request.key, order)
    change = _Change(**request.model_dump(include=set(_Change.model_fields))) if request.verb is Verb.change else None
    return Call("POST", ("services", request.reference, request.verb.value), request.key, change)
