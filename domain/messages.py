"""What customers are told: which text, with what in it, and what has become of it."""

from datetime import date
from enum import StrEnum

from domain.customers import LanguageTag
from domain.money import Money
from domain.values import Instant, Value


class MessageKind(StrEnum):
    """The texts there are; each has a subject and a body in the words of every language."""

    renewed = "renewed"
    renewal_reminder = "renewal_reminder"
    trial_ending = "trial_ending"
    changed = "changed"
    change_scheduled = "change_scheduled"
    change_refused = "change_refused"
    paused = "paused"
    resumed = "resumed"
    payment_declined = "payment_declined"
    reminder = "reminder"
    suspension_notice = "suspension_notice"
    throttled = "throttled"
    suspended = "suspended"
    restored = "restored"
    ended = "ended"
    ended_unpaid = "ended_unpaid"
    exported = "exported"
    """Its text names the address of what can be fetched, which is in no fact of the message."""


class MessageState(StrEnum):
    waiting = "waiting"
    sent = "sent"
    kept = "kept"
    """It goes to nobody: its customer lives on a test clock, or no way of sending is set up."""
    failed = "failed"
    """Given up: it was refused for good, or there is no address to send it to."""


class MessageFacts(Value):
    """What a text may name; nothing personal. `invoice` is a number, `until` and `on` days, `amount` with tax."""

    plan: str = ""
    invoice: str = ""
    amount: Money | None = None
    due: date | None = None
    until: date | None = None
    on: date | None = None
    quantity: int | None = None


class Message(Value):
    """`key` is the business fact that it tells, and its message id wherever it is sent. `at` is business time."""

    key: str
    customer: str
    kind: MessageKind
    language: LanguageTag
    facts: MessageFacts
    at: Instant
    state: MessageState = MessageState.waiting
    sent_at: Instant | None = None
    attempts: int = 0
    error: str | None = None


class Letter(Value):
    """A message as it is sent: written in the customer's language, to an address that nothing else may hold."""

    key: str
    kind: MessageKind
    customer: str
    to: str | None
    language: str
    subject: str
    text: str
    facts: MessageFacts
    at: Instant
