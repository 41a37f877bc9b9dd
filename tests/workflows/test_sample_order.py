"""The order of the demonstration, from POST to live and paid."""

from domain.roles import Role
from tests.world import World

ITEMS = (
    {"product": "crm", "plan": "crm-team", "quantity": 5},
    {"product": "fibre", "plan": "fibre-500", "characteristics": {"address": "Elm Street 1, Ulm"}},
)


async def test_the_sample_order_is_approved_fulfilled_paid_and_handed_over(world: World) -> None:
    order = await world.order("C-100", *ITEMS)
    waiting = await world.state(order, "pending")
    assert waiting["waiting_on"] == "approval: Order above 200 EUR"
    ana = await world.client_for("ana", Role.approver)
    await world.succeed(ana.post(f"/v1/orders/{order}/approvals", json={"decision": "approve"}))

    done = await world.state(order, "completed")

    # 5 seats at 19.00, 99.00 installation and 59.90 for the first month of the line: 95.00 + 158.90 = 253.90
    assert done["total"] == {"minor": 25390, "currency": "EUR"}
    money = (await world.sandbox.summary(order)).payments[0]
    assert (money.authorized.minor, money.captured.minor, money.refunded.minor) == (25390, 25390, 0)
    assert sum(entry["amount"]["minor"] for entry in done["ledger"]) == 0
    assert {service.state for service in (await world.sandbox.summary(order)).services} == {"active"}
    assert {grant["feature"] for grant in done["entitlements"]} == {"crm.seats", "crm.storage_gb", "line.mbit"}
    assert [item["state"] for item in done["items"]] == ["completed", "completed"]


async def test_each_service_is_handed_over_to_an_active_subscription(world: World) -> None:
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"})
    await world.state(order, "completed")

    async def active() -> bool:
        return [one["state"] for one in (await world.get(order))["subscriptions"]] == ["active"]

    await world.until(active, "the subscription to be active")


async def test_the_history_of_an_order_is_gapless_and_in_order(world: World) -> None:
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"})
    await world.state(order, "completed")

    events = await world.events(order)

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "order.acknowledged"
    assert events[-1]["type"] == "order.completed"


async def test_each_call_of_its_process_says_in_temporals_ui_what_it_is_for(world: World) -> None:
    """Also those to our own database, which Temporal keeps as markers."""
    order = await world.order(await world.customer(), {"product": "crm", "plan": "crm-team"})
    await world.state(order, "completed")
    history = await world.workflow(order).fetch_history()

    converter = world.temporal.client.data_converter
    of_calls = [
        event
        for event in history.events
        if event.marker_recorded_event_attributes.marker_name == "core_local_activity"
        or event.HasField("activity_task_scheduled_event_attributes")
    ]
    said = [(await converter.decode([event.user_metadata.summary]))[0] for event in of_calls]
    assert "look at what the order depends on, and at fraud rules" in said
    assert "bill 19.00 EUR for item 1" in said
    assert [words for words in said if words.startswith("write down: ")]
    assert [words for words in said if not words] == []
