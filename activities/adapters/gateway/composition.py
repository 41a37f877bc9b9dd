"""Makes the gateways that an installation has, from its settings."""

from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from activities.adapters.gateway.port import Gateway, Herald
from activities.adapters.gateway.sandbox import SandboxGateway
from activities.adapters.gateway.sandbox_herald import SandboxHerald
from activities.adapters.gateway.settings import GatewaySettings
from activities.adapters.gateway.stripe.gateway import StripeGateway


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
