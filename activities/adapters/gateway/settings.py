"""How an installation's gateways are configured. Nothing of the gateways themselves is loaded for it."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from domain.values import StrictValue

GatewayName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
LOOPBACK = ("http://127.0.0.1:", "http://localhost:")


class GatewaySettings(StrictValue):
    """`url` is the gateway's own root, which Stripe has one of. `return_url` is where a payer comes back to who
    had to confirm a payment."""

    kind: Literal["sandbox", "stripe"]
    url: Url | None = None
    api_key: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    return_url: Url | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "sandbox" and self.url is None:
            raise ValueError("a sandbox gateway needs its url")
        if self.kind == "stripe" and self.api_key is None:
            raise ValueError("a stripe gateway needs its api_key, and a webhook_secret for what Stripe tells")
        if self.kind == "stripe" and self.url is not None and not self.url.startswith(("https://", *LOOPBACK)):
            raise ValueError("the url of a stripe gateway should begin with https://: the API key goes there")
        return self


def sandbox_gateways(sandbox_url: str) -> dict[str, GatewaySettings]:
    """What an installation has that names none: the two gateways that the sandbox plays."""
    return {
        "sandbox": GatewaySettings(kind="sandbox", url=f"{sandbox_url}/gateway"),
        "backup": GatewaySettings(kind="sandbox", url=f"{sandbox_url}/gateways/backup"),
    }
