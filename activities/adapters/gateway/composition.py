"""Makes the gateways that an installation has, from its settings."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import httpx
from pydantic import Field, SecretStr, model_validator

from activities.adapters.gateway.port import Gateway, Herald
from activities.adapters.gateway.sandbox import SandboxGateway
from activities.adapters.gateway.sandbox_herald import SandboxHerald
from activities.adapters.gateway.stripe.gateway import StripeGateway
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


def gateways(settings: Mapping[str, GatewaySettings], client: httpx.AsyncClient) -> dict[str, Gateway]:
    """By name."""
    return {name: _gateway(each, client) for name, each in settings.items()}


def _gateway(settings: GatewaySettings, client: httpx.AsyncClient) -> Gateway:
    if settings.kind == "stripe" and settings.api_key is not None:
        return StripeGateway(settings.api_key, settings.webhook_secret, url=settings.url, return_url=settings.return_url)
    return SandboxGateway(settings.url or "", client)


def heralds(
    settings: Mapping[str, GatewaySettings], secrets: Mapping[str, SecretStr], client: httpx.AsyncClient
) -> dict[str, Herald]:
    """By name; `secrets` are what those sign their messages with whose settings do not say."""
    return {name: _herald(each, secrets.get(name), client) for name, each in settings.items()}


def _herald(settings: GatewaySettings, secret: SecretStr | None, client: httpx.AsyncClient) -> Herald:
    if settings.kind == "stripe" and settings.api_key is not None:
        return StripeGateway(settings.api_key, settings.webhook_secret or secret, url=settings.url)
    return SandboxHerald(settings.url or "", client, settings.webhook_secret or secret)
