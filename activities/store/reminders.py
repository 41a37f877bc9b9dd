"""Reminders of what lies ahead of a subscription: kept as due rows beside its facts, told once each."""

from datetime import datetime

from activities.store import catalogue, due_rows, life_policies, messages, subscriptions
from activities.store.database import Connection
from activities.store.due_rows import DueRow
from domain.billing.zones import local_date, zone_of
from domain.facts import Event
from domain.messages import MessageFacts
from domain.money import total
from domain.states import SubscriptionState
from domain.subscriptions.facts import Subscription
from domain.subscriptions.policies import MissedCycles, ReminderPolicy
from domain.subscriptions.reminders import Reminder, reminders
from domain.subscriptions.renewal import line_of, renewed

WORKFLOW = "subscription"


async def remind(connection: Connection, subscription: Subscription, row: DueRow, now: datetime) -> SubscriptionState:
    """Tell what the row is for, as far as it still lies ahead. The caller has locked the subscription's row."""
    policy = await life_policies.get(connection, ReminderPolicy)
    due = [each for each in reminders(subscription, policy, now) if each.at <= now]
    for each in due:
        await _tell(connection, subscription, each, now)
    known = (*subscription.reminded_of, *(each.about for each in due))[-2:]
    events = [
        Event(
            key=f"reminded:{each.kind}:{each.about.isoformat()}",
            type="subscription.reminded",
            at=now,
            actor=WORKFLOW,
            summary=f"its customer is told of {each.about:%Y-%m-%d} ({each.kind.replace('_', ' ')})",
        )
        for each in due
    ]
    await due_rows.remove(connection, [row.key])
    return await subscriptions.save(connection, subscription.model_copy(update={"reminded_of": known}), events, now)


async def _tell(connection: Connection, subscription: Subscription, reminder: Reminder, now: datetime) -> None:
    """With what is charged then, before discounts and tax, as far as prices are known."""
    later = await catalogue.moving(connection, subscription)
    made = renewed(subscription, reminder.about, MissedCycles.each, later)
    lines = [line_of(made.subscription, due) for due in made.charged if due.service.start == reminder.about]
    facts = MessageFacts(
        plan=subscription.plan_name,
        amount=total([line.amount for line in lines], subscription.currency),
        on=local_date(reminder.about, zone_of(subscription.timezone)),
    )
    key = f"{subscription.id}:{reminder.kind}:{reminder.about.isoformat()}"
    await messages.tell(connection, key, subscription.customer, reminder.kind, facts, now)
