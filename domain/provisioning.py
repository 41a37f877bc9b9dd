"""What is asked of a system that is provisioned, and what it answers."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr

from domain.cards import NoCardNumber
from domain.values import Instant, Value

Characteristics = dict[str, Annotated[str, Field(max_length=500), NoCardNumber]]
"""What the customer specified for an item: an address, a domain name. Never a secret."""


class Verb(StrEnum):
    create = "create"
    activate = "activate"
    change = "change"
    suspend = "suspend"
    resume = "resume"
    terminate = "terminate"
    verify = "verify"
    throttle = "throttle"
    """Serve it more slowly or less of it, so that it is noticed and nothing is lost; which way is up to the system."""
    unthrottle = "unthrottle"
    """Serve it as before."""
    export = "export"
    """Make a file of what its customer has in it, which can be fetched until the service is taken down."""


class RemoteState(StrEnum):
    """What the provisioned system says has become of a service."""

    absent = "absent"
    working = "working"
    """Accepted; the partner is at work and will call back."""
    inactive = "inactive"
    """Built but not yet usable."""
    active = "active"
    suspended = "suspended"
    failed = "failed"
    terminated = "terminated"


class ProvisionRequest(Value):
    """One call to one adapter.

    `key` is the idempotency key of this call (`<order>:<item>:<step>`); `reference` names the service for good
    (`<order>:<item>`) and is what the partner repeats in its callbacks; `remote_id` is the partner's own name, once known.
    `probe` asks to look the reference up before acting, because an earlier try may have happened.
    """

    verb: Verb
    key: str
    reference: str
    customer: str
    product: str
    plan: str
    quantity: int
    characteristics: Characteristics = {}
    entitlements: dict[str, str] = {}
    remote_id: str | None = None
    probe: bool = False


class ExportState(StrEnum):
    """What has become of a system's export of a service's data."""

    unable = "unable"
    """The system makes none."""
    working = "working"
    failed = "failed"
    """It could not be made, and is asked for again."""
    ready = "ready"
    given_up = "given_up"
    """An operator has decided to go on without it."""
    forgotten = "forgotten"
    """It was there; it has expired, or the service is taken down, and its address is not kept any more."""


class DataExport(Value):
    """What a system says of its export. Whoever has `address` has the data, so that it is written nowhere but in our database
    and to the customer; `expires_at` is left out where it stays until the service is taken down."""

    state: ExportState
    address: SecretStr | None = None
    expires_at: Instant | None = None


class ProvisionResult(Value):
    """How the service is after the call. `written` says that what was to be written down first was."""

    state: RemoteState
    remote_id: str | None = None
    quantity: int | None = None
    throttled: bool = False
    message: str = ""
    written: bool = False


class CallbackStatus(StrEnum):
    accepted = "accepted"
    in_progress = "in_progress"
    completed = "completed"
    failed = "failed"


class CallbackAbout(StrEnum):
    service = "service"
    export = "export"


class PartnerCallback(Value):
    """What a partner tells about one service, in the body of `POST /v1/callbacks/{partner}`.

    `sequence` rises with each message about the same reference, so that an older one that comes later is recognised. What is
    told `about` an export names no address: that is asked for.
    """

    reference: Annotated[str, Field(max_length=200, examples=["O-1001:2"])]
    about: CallbackAbout = CallbackAbout.service
    status: CallbackStatus
    sequence: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    remote_id: Annotated[str, Field(max_length=200)] | None = None
    message: Annotated[str, Field(max_length=500)] = ""
