"""What the rest of the product may ask of a system that is provisioned."""

from typing import Protocol

from domain.provisioning import ProvisionRequest, ProvisionResult, Verb


class Provisioner(Protocol):
    """One system that services are provisioned in.

    Both calls raise Refused (a definite no), Unavailable (it certainly did not happen, try again) or Unknown (it may
    have happened: call again with `probe`).
    """

    async def perform(self, request: ProvisionRequest) -> ProvisionResult:
        """Do `request.verb`, once: repeated with the same key or on the same reference it has no second effect.

        With `request.probe` the reference is looked up first, and what is found is the answer if the verb's effect is
        already there. `create` of what exists is the same one; `terminate` of what does not is `terminated`; `verify`
        only looks. A `create` answered `working` ends with the partner's callback.
        """
        ...

    async def capabilities(self) -> frozenset[Verb]:
        """Of the verbs that not every system has, which are `throttle` and `unthrottle`, those that this one has. Raises
        Unavailable or Unknown where it does not answer."""
        ...

    async def check(self) -> None:
        """Returns where the system serves; raises Unavailable or Unknown where it does not."""
        ...

    async def look_up(self, reference: str) -> ProvisionResult:
        """What the system says of the service now; `absent` if it says that there is none."""
        ...
