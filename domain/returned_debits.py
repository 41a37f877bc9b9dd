"""Debits that the payer's bank has returned: whether, and when, the same claim may be presented again.

Nacha Operating Rules, subsection 2.12.4 (Reinitiation): an entry returned for insufficient or uncollected funds (R01, R09) may
be presented twice more, within 180 days of the original entry; one that was not authorized (R05, R07, R10, R11, R29, R51) never
again on that authorization. SEPA: EPC016-06 and EPC222-07 (Direct Debit Rulebooks), reason codes of EPC173-14: AM04 is want of
funds; MD01, MD06 and MS02 are the payer's own no; the AC and AG codes are of an account that takes no debits.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from domain.values import Instant, Value

MOST_AGAIN = 2
WITHIN = timedelta(days=180)
PAUSES = (timedelta(days=3), timedelta(days=7))
"""Before the first and the second time again: long enough for money to come in."""

_WANT_OF_FUNDS = frozenset({"R01", "R09", "AM04", "insufficient_funds", "uncollected_funds"})
_NOT_AUTHORIZED = frozenset(
    {"R05", "R07", "R08", "R10", "R11", "R29", "R51", "MD01", "MD06", "MD07", "MS02", "SL01"}
    | {"debit_not_authorized", "customer_initiated", "authorization_revoked", "unauthorized"}
)
_NO_ACCOUNT = frozenset(
    {"R02", "R03", "R04", "R16", "R20", "AC01", "AC04", "AC06", "AC13", "AG01", "AG02"}
    | {"account_closed", "no_account", "account_frozen", "invalid_account_number", "incorrect_account_details"}
)


class Cause(StrEnum):
    want_of_funds = "want_of_funds"
    not_authorized = "not_authorized"
    no_account = "no_account"
    unclear = "unclear"


class Presentment(Value):
    """`due_at` is when it may be presented again; None for never, and `why` says so in words."""

    due_at: Instant | None
    why: str


def cause_of(code: str) -> Cause:
    """By a Nacha or SEPA code, or a gateway's word."""
    for codes, cause in (
        (_WANT_OF_FUNDS, Cause.want_of_funds),
        (_NOT_AUTHORIZED, Cause.not_authorized),
        (_NO_ACCOUNT, Cause.no_account),
    ):
        if code in codes:
            return cause
    return Cause.unclear


def next_presentment(code: str, presented_at: datetime, returned: int, now: datetime) -> Presentment:
    """Whether a claim that was first presented at `presented_at` and has come back `returned` times, this one included, may be
    presented again."""
    cause = cause_of(code)
    if cause is not Cause.want_of_funds:
        return Presentment(due_at=None, why=_WHY_NEVER[cause])
    if returned > MOST_AGAIN:
        return Presentment(due_at=None, why=f"it was presented {MOST_AGAIN} times again, which is all that is allowed")
    due_at = now + PAUSES[returned - 1]
    if due_at > presented_at + WITHIN:
        return Presentment(due_at=None, why=f"more than {WITHIN.days} days after it was first presented")
    return Presentment(due_at=due_at, why="the account had not enough money")


_WHY_NEVER = {
    Cause.not_authorized: "the payer has not authorized it, or has withdrawn it; ask for a new mandate",
    Cause.no_account: "the account is closed or takes no debits; ask for another payment method",
    Cause.unclear: "the bank's reason does not say that it may be presented again; ask the payer",
}
