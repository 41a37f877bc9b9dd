"""The gateways as the API asks them: to keep what customers pay with."""

from collections.abc import Mapping

import httpx

from activities.adapters.gateway.composition import gateways
from activities.adapters.gateway.port import Keeper
from activities.runtime.settings import Settings


def keepers(settings: Settings, client: httpx.AsyncClient) -> Mapping[str, Keeper]:
    """By name; one that holds no tokens is left out. The caller closes `client`."""
    found = gateways(settings.all_gateways(), client)
    return {name: gateway for name, gateway in found.items() if isinstance(gateway, Keeper)}
