"""A bank debit over Stripe, from order to service: what is told too early opens nothing, and what settles it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from activities.adapters.gateway.composition import gateways
from activities.adapters.gateway.settings import GatewaySettings
from api.app import create_app
from tests.api.test_stripe_webhooks import SECRET, debit, message, tell
from tests.sandbox_server import serving
from tests.stripe_server import RunningStripe, running_stripe
from tests.workflows.plans import access
from tests.world import Json, World


@asynccontextmanager
async def over_stripe(world: World) -> AsyncIterator[tuple[RunningStripe, httpx.AsyncClient]]:
    """Workers, and an API beside the world's, that know a gateway `stripe`, which tells that API what happens."""
    async with running_stripe() as peer, httpx.AsyncClient(trust_env=False) as http:
        kept = GatewaySettings(kind="stripe", url=peer.url, api_key=SecretStr("sk_test_1"), webhook_secret=SecretStr(SECRET))
        known = {**world.settings.all_gateways(), "stripe": kept}
        app = create_app(
            world.settings.model_copy(update={"gateways": known}), database=world.database, client=world.temporal.client
        )
        async with serving(app) as url, httpx.AsyncClient(base_url=url, headers=world.api.headers, trust_env=False) as api:
            await peer.tell(f"{url}/v1/webhooks/stripe", SECRET)
            world.gateways |= gateways({"stripe": kept}, http)
            yield peer, api
            del world.gateways["stripe"]


async def test_an_order_whose_debit_is_under_way_completes_once_stripe_says_under_its_signature_that_it_is_paid(
    world: World,
) -> None:
    async with over_stripe(world) as (stripe, api):
        account, customer = await stripe.account(), await world.customer(payment_method=None)
        body = {"customer": customer, "gateway": "stripe", "nonce": account}
        await world.succeed(api.post("/v1/payment-methods", json=body))
        product, plan = await world.product(access())
        order = await world.order(customer, {"product": product, "plan": plan})
        key = f"{order}:payment:1"

        async def told() -> bool:
            return (await world.get(order))["waiting_on"] == "payment 1 at the gateway" and await _heard(world, key) > 0

        await world.until(told, "the debit to be under way, and Stripe to have told of it")
        paid = await world.succeed(world.api.get(f"/v1/payments/{key}"))
        assert (paid["gateway"], paid["outcome"]) == ("stripe", "pending")
        assert _cash(await world.get(order)) == {}

        stripe.undecided.clear()
        _, signed = message("payment_intent.succeeded", debit("succeeded", key))
        answers = [(await tell(api, signed)).status_code for _ in range(2)]

        done = await world.state(order, "completed")
        assert answers == [202, 200]
        assert [(payment["state"], payment["captured"]) for payment in done["payments"]] == [("captured", done["total"])]
        [intent] = await stripe.intents(key)
        assert (intent["amount"], intent["status"]) == (done["total"]["minor"], "succeeded")
        assert _cash(done) == {"cash:stripe": done["total"]["minor"]}


async def _heard(world: World, key: str) -> int:
    """How much Stripe has told of a payment."""
    async with world.database.transaction() as connection:
        query = text("SELECT count(*) FROM gateway_inbox WHERE gateway = 'stripe' AND body ->> 'payment' = :key")
        return int((await connection.execute(query, {"key": key})).scalar_one())


def _cash(order: Json) -> dict[str, int]:
    return {entry["account"]: entry["amount"]["minor"] for entry in order["ledger"] if entry["account"].startswith("cash")}
