"""Finds a payment at Stripe by our own key, and proves that there is none.

Stripe's search is behind what was just written ("data is searchable in less than a minute", up to an hour in an outage:
https://docs.stripe.com/search#data-freshness), its lists are not. So the lists of the last hours are read first, then the
search; what neither knows was never there.
"""

import time
from collections import OrderedDict
from typing import Any

import stripe

from activities.adapters.gateway.stripe.calls import call
from activities.adapters.gateway.stripe.objects import KEY, Intent
from domain.errors import Refused, Unknown

FRESH_SECONDS = 2 * 3600
"""How far back lists are read: twice what the search may be behind."""
PAGE = 100
MOST_PAGES = 50
REMEMBERED = 10_000


class Lookup:
    """Remembers where the last payments are, so that a capture need not look for what was just authorized."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._intents = client.v1.payment_intents
        self._refund_list = client.v1.refunds
        self._places: OrderedDict[str, str] = OrderedDict()

    def remember(self, key: str, intent: str) -> None:
        self._places[key] = intent
        self._places.move_to_end(key)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)

    async def find(self, key: str, reference: str | None = None) -> Intent | None:
        """None where Stripe certainly has no such payment. Raises Unknown where that cannot be proven, and what `call` does.

        `reference` is where it should be: it is believed only where our key stands there."""
        if reference is not None and (named := await self._named(reference, key)) is not None:
            return named
        place = self._places.get(key) or await self._recent(key) or await self._searched(key)
        if place is None:
            return None
        self.remember(key, place)
        return await self.retrieve(place)

    async def _named(self, reference: str, key: str) -> Intent | None:
        try:
            found = await self.retrieve(reference)
        except Refused:
            return None
        if found.key != key:
            return None
        self.remember(key, found.id)
        return found

    async def retrieve(self, intent: str) -> Intent:
        params: Any = {"expand": ["latest_charge"]}
        found = await call("payment", self._intents.retrieve_async(intent, params=params))
        charge = found.get("latest_charge")
        known = charge if isinstance(charge, dict) else None
        refunds = await self._refunds(intent) if known and known.get("amount_refunded") else []
        return Intent.model_validate({**found, "latest_charge": known, "refunds": refunds})

    async def _refunds(self, intent: str) -> list[Any]:
        """All of them: a ceiling that is reckoned from a part would let more go back than was taken. Raises Unknown where there
        are too many to read."""
        params: Any = {"payment_intent": intent, "limit": PAGE}
        every: list[Any] = []
        for _ in range(MOST_PAGES):
            page = await call("refunds", self._refund_list.list_async(params=params))
            found = page.get("data", [])
            every += found
            if not page.get("has_more") or not found:
                return every
            params["starting_after"] = found[-1]["id"]
        raise Unknown(f"stripe: there are too many refunds of {intent} to tell what is left of it")

    async def _recent(self, key: str) -> str | None:
        params: Any = {"limit": PAGE, "created": {"gte": int(time.time()) - FRESH_SECONDS}}
        for _ in range(MOST_PAGES):
            page = await call("recent payments", self._intents.list_async(params=params))
            found = page.get("data", [])
            for each in found:
                if (each.get("metadata") or {}).get(KEY) == key:
                    return str(each["id"])
            if not page.get("has_more") or not found:
                return None
            params["starting_after"] = found[-1]["id"]
        if place := await self._searched(key):
            return place
        raise Unknown(f"stripe: there are too many recent payments to tell whether {key} is among them; it is asked again")

    async def _searched(self, key: str) -> str | None:
        quoted = key.replace("\\", "\\\\").replace("'", "\\'")
        params: Any = {"query": f"metadata['{KEY}']:'{quoted}'", "limit": 1}
        page = await call("search", self._intents.search_async(params=params))
        found = page.get("data", [])
        return str(found[0]["id"]) if found else None
