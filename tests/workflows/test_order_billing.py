"""What an order leaves in the books: its invoice with tax and discounts, what is taken back, and what was never owed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from activities.store import coupons, invoices, vat_proofs
from domain.billing.coupons import Coupon
from domain.billing.tax.parties import VatCheck, VatProof
from tests.workflows.plans import access, build, by_hand
from tests.world import World

Json = dict[str, Any]
SELLER: Json = {
    "id": "hamburg",
    "name": "Hamburg GmbH",
    "country": "DE",
    "registrations": [{"jurisdiction": {"country": "DE"}, "number": "DE136695976", "valid_from": "2020-01-01"}],
    "invoice_numbers": {"legal_entity": "hamburg", "prefix": "HH"},
    "credit_note_numbers": {"legal_entity": "hamburg", "kind": "credit_note", "prefix": "HG"},
}


async def buyer(world: World) -> str:
    await world.succeed(world.api.put("/v1/legal-entities/hamburg", json=SELLER))
    return await world.customer(legal_entity="hamburg")


async def coupon(world: World, name: str, percent: str) -> str:
    off = {"kind": "percent", "percent": percent}
    given = Coupon.model_validate({"id": name, "name": name, "off": off, "redemption_limit": 1})
    async with world.database.transaction() as connection:
        await coupons.put(connection, given, datetime.now(UTC))
    return name


async def redeemed(world: World, name: str) -> int:
    async with world.database.transaction() as connection:
        return (await coupons.get(connection, name)).redeemed


def balances(order: Json) -> dict[str, int]:
    """What is left on each account of what an order posted."""
    found: dict[str, int] = {}
    for entry in order["ledger"]:
        found[entry["account"]] = found.get(entry["account"], 0) + entry["amount"]["minor"]
    return {account: minor for account, minor in found.items() if minor}


async def test_an_order_is_billed_with_its_tax_and_discount(world: World) -> None:
    """10.00 less 25 % is 7.50, with 19 % 1.425, so 1.43: 8.93."""
    product, plan = await world.product(build(), access(needs=["build"]))
    customer, given = await buyer(world), await coupon(world, "quarter", "25")
    done = await world.state(await world.order(customer, {"product": product, "plan": plan}, coupons=[given]), "completed")

    invoice = done["invoice"]
    assert (invoice["state"], invoice["total"]["minor"], invoice["tax"]["minor"]) == ("paid", 893, 143)
    assert invoice["number"].startswith("HH-")
    assert invoice["lines"][0]["amount"]["minor"] == 750
    assert invoice["lines"][0]["explanation"] == "1 × 10.00 = 10.00, less 2.50 (quarter, 25 %), makes 7.50 EUR."
    assert balances(done) == {"cash:sandbox": 893, "deferred_revenue": -750, "tax_payable:DE": -143}
    assert (await world.money(done["id"])).captured == 893
    assert await redeemed(world, given) == 1


@pytest.mark.money_case(20)
async def test_only_what_was_fulfilled_is_billed_and_taxed(world: World) -> None:
    """Two items of 0.50 are 1.19 with tax; one alone is 0.595, so 0.60 and not its half."""
    product, plan = await world.product(build(), by_hand(needs=["build"]), access(needs=["by-hand"]), price="0.50")
    other, other_plan = await world.product(build(), access(needs=["build"]), price="0.50")
    items = ({"product": product, "plan": plan}, {"product": other, "plan": other_plan})
    order = await world.order(await buyer(world), *items)
    record = await world.fallout(order)
    assert (await world.get(order))["total"]["minor"] == 119
    await world.resolve(record, "compensate", reason="cannot be had")

    done = await world.state(order, "partial")
    assert done["invoice"]["total"]["minor"] == 60
    assert [line["item"] for line in done["invoice"]["lines"]] == ["2"]
    assert balances(done) == {"cash:sandbox": 60, "deferred_revenue": -50, "tax_payable:DE": -10}


async def test_what_is_cancelled_after_its_capture_is_credited_with_its_tax(world: World) -> None:
    product, plan = await world.product(build(), by_hand("hand-over", stage="activate"), access(needs=["hand-over"]))
    order = await world.order(await buyer(world), {"product": product, "plan": plan})
    await world.fallout(order)
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no longer wanted"}))

    done = await world.state(order, "cancelled")
    [note] = done["invoice"]["credit_notes"]
    assert (note["amount"]["minor"], note["number"].startswith("HG-")) == (1190, True)
    assert balances(done) == {}
    assert (await world.money(order)).refunded == 1190


@pytest.mark.money_case(29)
async def test_an_order_of_nothing_is_billed_and_activated(world: World) -> None:
    product, plan = await world.product(build(), access(needs=["build"]))
    given = await coupon(world, "all-of-it", "100")
    done = await world.state(
        await world.order(await buyer(world), {"product": product, "plan": plan}, coupons=[given]), "completed"
    )

    assert (done["invoice"]["state"], done["invoice"]["total"]["minor"]) == ("paid", 0)
    assert [grant["feature"] for grant in done["entitlements"] if grant["revoked_at"] is None] == ["feature"]
    assert done["ledger"] == []
    assert (await world.sandbox.summary(done["id"])).payments == []


async def test_a_coupon_of_an_order_that_is_never_billed_may_be_redeemed_again(world: World) -> None:
    product, plan = await world.product(by_hand(), access(needs=["by-hand"]))
    customer, given = await buyer(world), await coupon(world, "again", "50")
    order = await world.order(customer, {"product": product, "plan": plan}, coupons=[given])
    await world.fallout(order)
    assert await redeemed(world, given) == 1
    await world.succeed(world.api.post(f"/v1/orders/{order}/cancel", json={"reason": "no longer wanted"}))
    await world.state(order, "cancelled")

    assert await redeemed(world, given) == 0
    again = await world.order(customer, {"product": product, "plan": plan}, coupons=[given])
    assert (await world.get(again))["total"]["minor"] == 595
    await world.fallout(again)
    await world.succeed(world.api.post(f"/v1/orders/{again}/cancel", json={"reason": "again"}))
    await world.state(again, "cancelled")


async def test_who_sold_to_whom_and_why_it_was_taxed_is_kept_with_the_invoice(world: World) -> None:
    product, plan = await world.product(build(), access(needs=["build"]))
    done = await world.state(await world.order(await buyer(world), {"product": product, "plan": plan}), "completed")
    await world.succeed(world.api.put("/v1/legal-entities/hamburg", json=SELLER | {"name": "Renamed"}))
    async with world.database.transaction() as connection:
        kept = await invoices.evidence(connection, done["invoice"]["id"])

    assert kept is not None
    assert kept.seller.name == "Hamburg GmbH"
    assert [str(rate.percent) for decision in kept.decisions.values() for rate in decision.rates] == ["19"]


async def test_an_external_tax_engine_decides_before_an_order_is_accepted(world: World) -> None:
    """The sandbox's engine taxes all at 10 %."""
    seller = SELLER | {"id": "outside", "tax_source": "external"}
    numbers = {"invoice_numbers": None, "credit_note_numbers": None}
    await world.succeed(world.api.put("/v1/legal-entities/outside", json=seller | numbers))
    product, plan = await world.product(build(), access(needs=["build"]))
    order = await world.order(await world.customer(legal_entity="outside"), {"product": product, "plan": plan})

    done = await world.state(order, "completed")
    assert (done["invoice"]["total"]["minor"], done["invoice"]["tax"]["minor"]) == (1100, 100)


async def test_a_reverse_charge_keeps_its_proof_with_the_invoice(world: World) -> None:
    """A business in Austria whose number the register has confirmed accounts for the tax itself; unconfirmed, it is charged
    Austria's tax through the one-stop shop, as a consumer is."""
    await world.succeed(world.api.put("/v1/legal-entities/hamburg", json=SELLER | {"one_stop_shop": True}))
    vat = {"business": True, "vat_id": "ATU13585627"}
    customer = await world.customer(legal_entity="hamburg", country="AT", tax=vat)
    product, plan = await world.product(build(), access(needs=["build"]))
    unproven = await world.state(await world.order(customer, {"product": product, "plan": plan}), "completed")
    proof = VatProof(vat_id="ATU13585627", result=VatCheck.valid, checked_at=datetime.now(UTC), consultation="W1")
    async with world.database.transaction() as connection:
        await vat_proofs.keep(connection, proof)
    other, other_plan = await world.product(build(), access(needs=["build"]))
    proven = await world.state(await world.order(customer, {"product": other, "plan": other_plan}), "completed")
    async with world.database.transaction() as connection:
        kept = await invoices.evidence(connection, proven["invoice"]["id"])

    assert (unproven["invoice"]["total"]["minor"], proven["invoice"]["total"]["minor"]) == (1200, 1000)  # 20 % in Austria
    assert kept is not None
    assert kept.proof == proof
    assert {decision.category for decision in kept.decisions.values()} == {"AE"}


async def test_what_cannot_be_billed_is_shown_to_finance_and_billed_once_mended(world: World) -> None:
    """A number that was given before is given to nobody else, whatever the count says."""
    numbers = {"invoice_numbers": {"legal_entity": "kiel", "prefix": "KI"}, "credit_note_numbers": None}
    await world.succeed(world.api.put("/v1/legal-entities/kiel", json=SELLER | {"id": "kiel"} | numbers))
    product, plan = await world.product(build(), access(needs=["build"]))
    item, customer = {"product": product, "plan": plan}, await world.customer(legal_entity="kiel")
    await world.state(await world.order(customer, item), "completed")
    count = text("UPDATE document_numbers SET last = :last WHERE legal_entity = 'kiel'")
    async with world.database.transaction() as connection:
        await connection.execute(count, {"last": 0})

    order = await world.order(customer, item)
    record = await world.fallout(order)
    assert record["title"] == "11.90 EUR are captured and cannot be billed"
    assert (record["owner"], "the worker's log describes" in record["error"]) == ("finance", True)
    assert (await world.money(order)).captured == 1190
    async with world.database.transaction() as connection:
        await connection.execute(count, {"last": 1})
    await world.resolve(record, "retry", reason="the count is right again")

    done = await world.state(order, "completed")
    assert (done["invoice"]["number"][:2], done["invoice"]["state"]) == ("KI", "paid")
    assert balances(done) == {"cash:sandbox": 1190, "deferred_revenue": -1000, "tax_payable:DE": -190}
