"""What the rest of the product may ask of a system that is provisioned."""

from collections.abc import Mapping
from typing import Protocol

from domain.errors import Refused
from domain.provisioning import DataExport, ProvisionRequest, ProvisionResult, Verb


class Provisioner(Protocol):
    """One system that services are provisioned in.

    All calls raise Refused (a definite no), Unavailable (it certainly did not happen, try again) or Unknown (it may
    have happened: call again with `probe`).
    """

    async def perform(self, request: ProvisionRequest) -> ProvisionResult:
        """Do `request.verb`, which is any but `export`, once: repeated with the same key or on the same reference it has no
        second effect.

        With `request.probe` the reference is looked up first, and what is found is the answer if the verb's effect is
        already there. `create` of what exists is the same one; `terminate` of what does not is `terminated`; `verify`
        only looks. A `create` answered `working` ends with the partner's callback."""
        ...

    async def export(self, request: ProvisionRequest) -> DataExport:
        """Make a file of what the customer has in the service, which stays as it is; repeated with the same key it makes no
        second one, and with `request.probe` none where there is one that can be fetched. One that is `working` is asked for
        again, at once when the partner calls back. Raises as `perform` does."""
        ...

    async def capabilities(self) -> frozenset[Verb]:
        """Of the verbs that not every system has, which are `throttle`, `unthrottle` and `export`, those that this one has.
        Raises Unavailable or Unknown where it does not answer."""
        ...

    async def check(self) -> None:
        """Returns where the system serves; raises Unavailable or Unknown where it does not."""
        ...

    async def look_up(self, reference: str) -> ProvisionResult:
        """What the system says of the service now; `absent` if it says that there is none."""
        ...


def named(adapters: Mapping[str, Provisioner], name: str) -> Provisioner:
    """Refused, with the name in it, where there is none, which lands in fallout."""
    if name not in adapters:
        raise Refused(f"no provisioning adapter is named {name!r}; known are {', '.join(sorted(adapters))}")
    return adapters[name]
