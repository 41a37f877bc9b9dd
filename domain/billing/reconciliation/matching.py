"""Which invoices money that came in pays: by the numbers its text names, by its exact amount, and the oldest first.

Money is never matched on a guess. Where there are two readings it stays unmatched, with the reason in words for whoever
decides about it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from domain.billing.balance import Allocation, OpenItem, allocate
from domain.billing.numbers import LONGEST_NUMBER
from domain.money import Money
from domain.values import Value

SHORTEST_NUMBER = 5
"""Signs of a number that is looked for in a text: what is shorter may as well be a day, a quantity or an amount."""

LONGEST_TEXT = 4000
"""Signs of a text that are looked at; the longest that a bank hands on are nine lines of 140."""


class Claim(OpenItem):
    """An invoice that money may be for. One that is due nothing, since it was paid or voided, is there to be recognised: who
    pays it again has credit, and its number is not taken for that of another."""

    customer: str


class Match(Value):
    """Allocations, what is over, and what is unmatched add up to the amount. What is over is the credit of `customer`.

    `reason` says how it was matched, or why it was not.
    """

    customer: str | None
    allocations: tuple[Allocation, ...] = ()
    over: Money
    unmatched: Money
    reason: str


def match(received: Money, text: str, claims: Sequence[Claim], customer: str | None = None) -> Match:
    """Match money to `claims`, the invoices of `customer` where the payer is known, and else of everybody.

    ValueError for an amount that is not more than zero: money that goes out pays nothing.
    """
    if received.minor <= 0:
        raise ValueError(f"received: must be more than zero, not {received}")
    named = [claim for claim in claims if names(text, claim.number)]
    if named:
        return _by_number(received, named, claims, customer)
    mine = [claim for claim in claims if customer in {None, claim.customer} and _open(claim, received.currency)]
    if customer is not None:
        return _settled(received, [], mine, customer, "by exact amount, then the oldest first")
    return _by_amount(received, [claim for claim in mine if claim.amount_due == received])


def _open(claim: Claim, currency: str) -> bool:
    return claim.amount_due.currency == currency and claim.amount_due.minor > 0


def _by_number(received: Money, named: Sequence[Claim], claims: Sequence[Claim], customer: str | None) -> Match:
    numbers = ", ".join(sorted({claim.number for claim in named}))
    foreign = sorted({claim.amount_due.currency for claim in named} - {received.currency})
    payers = {claim.customer for claim in named} | ({customer} if customer is not None else set())
    if foreign:
        return _unmatched(received, f"the text names {numbers}, to be paid in {' and '.join(foreign)}, not {received.currency}")
    if len(payers) > 1:
        return _unmatched(received, f"the text names {numbers}, but more than one customer may be meant")
    payer = payers.pop()
    others = [claim for claim in claims if claim.customer == payer and claim not in named and _open(claim, received.currency)]
    return _settled(received, named, others, payer, f"the text names {numbers}")


def _by_amount(received: Money, exact: Sequence[Claim]) -> Match:
    if len(exact) == 1:
        return _settled(received, exact, [], exact[0].customer, f"only {exact[0].number} is due exactly {received}")
    what = f"{len(exact)} invoices are" if exact else "none is"
    return _unmatched(received, f"the text names no invoice, and {what} due exactly {received}")


def _settled(received: Money, first: Sequence[Claim], then: Sequence[Claim], customer: str, reason: str) -> Match:
    named = allocate(received, first)
    rest = allocate(named.over, then)
    parts = (*named.allocations, *rest.allocations)
    nothing = Money.zero(received.currency)
    return Match(customer=customer, allocations=parts, over=rest.over, unmatched=nothing, reason=reason)


def _unmatched(received: Money, reason: str) -> Match:
    return Match(customer=None, over=Money.zero(received.currency), unmatched=received, reason=reason)


def names(text: str, number: str) -> bool:
    """Whether the text has this document number, in any case and with any signs or blanks between its parts: `inv 2026/000042`
    is INV-2026-000042. A number within a longer one is none: neither 2026-0001 in 2026-0001-7 nor 42 in 421."""
    pattern = _pattern(number)
    return pattern is not None and pattern.search(text, 0, LONGEST_TEXT) is not None


@lru_cache(maxsize=4096)
def _pattern(number: str) -> re.Pattern[str] | None:
    parts = re.findall(r"[A-Za-z]+|[0-9]+", number)
    if sum(map(len, parts)) < SHORTEST_NUMBER:
        return None
    between = r"[\s/._:#\-]{0,5}"
    return re.compile(rf"(?<![^\W_])(?<!\d[/._\-]){between.join(parts)}(?![^\W_])(?![/._\-]\d)", re.IGNORECASE | re.ASCII)


def possible_numbers(text: str) -> set[str]:
    """All that `names` may find in the text, as capital letters and digits alone, for looking invoices up by their number."""
    parts = re.findall(r"[A-Z]+|[0-9]+", text[:LONGEST_TEXT].upper())
    found = set()
    for begin in range(len(parts)):
        number = ""
        for part in parts[begin : begin + LONGEST_NUMBER]:
            number += part
            if len(number) > LONGEST_NUMBER:
                break
            found.add(number)
    return {number for number in found if len(number) >= SHORTEST_NUMBER}
