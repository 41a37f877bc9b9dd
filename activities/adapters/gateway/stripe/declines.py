"""Which of Stripe's declines are worth another try.

Source: Stripe, "Decline codes" (https://docs.stripe.com/declines/codes): these are the ones whose next step is to try again, to
ask the issuer, or to confirm; all others need another card, or must not be tried again.
"""

from domain.payments import Outcome

SOFT = frozenset(
    {
        "approve_with_id",
        "authentication_required",
        "call_issuer",
        "card_velocity_exceeded",
        "do_not_honor",
        "generic_decline",
        "insufficient_funds",
        "issuer_not_available",
        "no_action_taken",
        "not_permitted",
        "processing_error",
        "reenter_transaction",
        "service_not_allowed",
        "transaction_not_allowed",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    }
)


def outcome_of(code: str | None) -> Outcome:
    return Outcome.declined_soft if code in SOFT else Outcome.declined_hard
