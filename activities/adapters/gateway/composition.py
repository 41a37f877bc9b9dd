"""Makes the gateways that an installation has, from its settings."""

from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
from pydantic import Field

from activities.adapters.gateway.port import Gateway
from activities.adapters.gateway.sandbox import SandboxGateway
from domain.values import StrictValue

GatewayName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class GatewaySettings(StrictValue):
    """`url` is the gateway's own root."""

    kind: Literal["sandbox"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


def sandbox_gateways(sandbox_url: str) -> dict[str, GatewaySettings]:
    """What an installation has that names none: the two gateways that the sandbox plays."""
    return {
        "sandbox": GatewaySettings(kind="sandbox", url=f"{sandbox_url}/gateway"),
        "backup": GatewaySettings(kind="sandbox", url=f"{sandbox_url}/gateways/backup"),
    }


def gateways(settings: Mapping[str, GatewaySettings], client: httpx.AsyncClient) -> dict[str, Gateway]:
    """By name."""
    return {name: SandboxGateway(each.url, client) for name, each in settings.items()}
