"""Telling a customer what has become of a subscription, in the transaction in which it has."""

from datetime import datetime

from activities.store import messages
from activities.store.database import Connection
from domain.billing.zones import local_date, zone_of
from domain.messages import MessageFacts, MessageKind
from domain.subscriptions.facts import Subscription
from domain.values import Value


class News(Value):
    """`key` is the business fact that is told, `at` when it holds from. `plan` and `quantity` are what it is about, where that
    is other than what the subscription is."""

    key: str
    kind: MessageKind
    at: datetime
    plan: str = ""
    quantity: int | None = None


async def tell(connection: Connection, subscription: Subscription, news: News, now: datetime) -> None:
    """Once for each key."""
    facts = MessageFacts(
        plan=news.plan or subscription.plan_name,
        quantity=news.quantity or subscription.quantity,
        on=local_date(news.at, zone_of(subscription.timezone)),
    )
    await messages.tell(connection, f"{subscription.id}:{news.key}", subscription.customer, news.kind, facts, now)
