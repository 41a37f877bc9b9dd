"""All that must hold of orders, whatever breaks."""

from domain.invariants import access, lives, money, progress
from domain.invariants.facts import Facts, Invariant, Violation

QUEUE = "queue_is_current"
PAID_ONCE = "paid_once"
REFUNDED = "refunded_within_taken"
REFUND_SETTLES = "refund_settles"
ACCESS = "access_follows_blocks"
OF_LIVES: tuple[Invariant, ...] = (
    Invariant(
        "time_is_charged_once",
        "A charge of a subscription is billed once for the same time, but for what is given back.",
        lives.time_is_charged_once,
    ),
    Invariant(
        "due_is_done", "What a subscription is due is done, or waits for a reason, a day at the most.", lives.due_is_done
    ),
    Invariant(
        "ended_is_taken_down",
        "The service of a subscription that has ended is taken down, or due to be.",
        lives.ended_is_taken_down,
    ),
    Invariant(
        "exported_before_taken_down",
        "What is in a service that has ended is given out before it is taken down, where that is offered and not given up.",
        lives.exported_before_taken_down,
    ),
    Invariant("life_events_are_gapless", "A subscription's events are numbered without a gap.", lives.life_events_are_gapless),
)
SEEN_FROM_OUTSIDE: tuple[Invariant, ...] = (
    Invariant(
        "partner_follows_life",
        "At a partner a subscription's service is closed where the subscription is, and open where that is.",
        lives.partner_follows_life,
    ),
    Invariant(
        "partner_follows_speed",
        "At a partner a service is slowed down where its subscription is, and at full speed elsewhere.",
        lives.partner_follows_speed,
    ),
    Invariant(
        "exported_once",
        "A partner gives out what is in a service once for each end of it, while it is there.",
        lives.exported_once,
    ),
    Invariant("gateway_agrees", "What a gateway has taken for a subscription is what is booked of it.", lives.gateway_agrees),
    Invariant(
        "invoiced_is_paid_once", "Of payments for one invoice no more is kept than it comes to.", lives.invoiced_is_paid_once
    ),
)
"""Of subscriptions too, where somebody has asked the gateway and the partners."""
OF_NO_ORDER = frozenset({QUEUE, PAID_ONCE, REFUNDED, REFUND_SETTLES, ACCESS, *(invariant.name for invariant in OF_LIVES)})
"""Those that are not judged by order."""

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "captured_is_fulfilled",
        "What was taken for a settled order, and not given back, is what its completed items come to.",
        money.captured_is_fulfilled,
    ),
    Invariant("captured_once", "A payment is captured once at the most, and of one payment of an order.", money.captured_once),
    Invariant(
        "money_is_conserved",
        "What a settled order's completed items come to, less what was refunded, disputed or returned, is in the ledger.",
        money.money_is_conserved,
    ),
    Invariant(
        PAID_ONCE,
        "Of payments for one invoice no more is kept than it comes to.",
        money.paid_once,
    ),
    Invariant(
        REFUNDED,
        "Of a payment no more is given back, or promised, than it has taken.",
        money.refunded_within_taken,
    ),
    Invariant(REFUND_SETTLES, "A refund that is promised is given, or refused, within the hour.", money.refund_settles),
    Invariant("nothing_held", "Of a settled order no authorization is left open.", money.nothing_held),
    Invariant("ledger_balances", "Each ledger transaction comes to zero in its currency.", money.ledger_balances),
    Invariant("one_account_per_item", "A partner makes one account for an item.", access.one_account_per_item),
    Invariant(
        "nothing_left_built",
        "Of a settled order a partner has the services of completed items, and no others.",
        access.nothing_left_built,
    ),
    Invariant("access_is_paid", "Nobody has access to what is not paid for, or free.", access.access_is_paid),
    Invariant("access_is_given", "A completed item grants all that its plan promises.", access.access_is_given),
    Invariant(ACCESS, "A service that is blocked is not active, and one that nothing blocks is.", access.access_follows_blocks),
    Invariant(
        "order_moves", "An order is at its end, or at work, or waits with an owner and a deadline.", progress.order_moves
    ),
    Invariant("order_starts", "An acknowledged order is started.", progress.order_starts),
    Invariant("order_exists", "An order that was acknowledged to a caller exists.", progress.order_exists),
    Invariant("one_order_per_key", "An idempotency key makes one order.", progress.one_order_per_key),
    Invariant("events_are_gapless", "An order's events are numbered without a gap, and in order.", progress.events_are_gapless),
    Invariant(QUEUE, "Nothing waits long to be told to Temporal.", progress.queue_is_current),
    *OF_LIVES,
)


def violations(facts: Facts) -> list[Violation]:
    """Of every invariant, in the order of the list."""
    return [violation for invariant in INVARIANTS for violation in invariant.violations(facts)]
