"""The ledger as Beancount text, which `bean-check` accepts with a tolerance of zero (https://beancount.github.io/docs/)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache

from domain.billing.ledger import AccountKind, Posting, Transaction, kind_of
from domain.money import Money, exponent

_ROOTS = {
    AccountKind.receivable: "Assets:Receivable",
    AccountKind.cash: "Assets:Cash",
    AccountKind.suspense: "Liabilities:Suspense",
    AccountKind.disputed: "Assets:Disputed",
    AccountKind.deferred_revenue: "Liabilities:DeferredRevenue",
    AccountKind.tax_payable: "Liabilities:TaxPayable",
    AccountKind.customer_credit: "Liabilities:CustomerCredit",
    AccountKind.prepaid_credit: "Liabilities:PrepaidCredit",
    AccountKind.revenue: "Income:Revenue",
    AccountKind.breakage: "Income:Breakage",
    AccountKind.gateway_fees: "Expenses:GatewayFees",
    AccountKind.write_off: "Expenses:WriteOff",
    AccountKind.dispute_losses: "Expenses:DisputeLosses",
    AccountKind.promotions: "Expenses:Promotions",
}
_HEAD = 'option "title" {title}\noption "inferred_tolerance_default" "*:0"\noption "tolerance_multiplier" "0"\n'


@lru_cache(maxsize=1024)
def account(name: str) -> str:
    """`cash:stripe` → `Assets:Cash:Stripe`. A character that Beancount does not take becomes `-`."""
    _, _, detail = name.partition(":")
    if not detail:
        return _ROOTS[kind_of(name)]
    word = re.sub(r"[^A-Za-z0-9-]", "-", detail)
    word = word if word[0].isalnum() else f"X{word}"
    return f"{_ROOTS[kind_of(name)]}:{word[0].upper()}{word[1:]}"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", " ")
    return f'"{escaped}"'


def amount(money: Money) -> str:
    """With the decimals of ISO 4217: `10.00 EUR`, `10 JPY`, `10.000 KWD`."""
    digits = exponent(money.currency)
    return f"{Decimal(money.minor).scaleb(-digits):.{digits}f} {money.currency}"


class Writer:
    """A whole file in pieces, of transactions that are given by date: an account is opened where it is first used, and on the
    day after the last one every balance is asserted. Dates are local dates of `zone`, the books' time zone."""

    def __init__(self, zone: tzinfo = UTC, title: str = "Ledger") -> None:
        self.head = _HEAD.format(title=quoted(title))
        self._zone = zone
        self._opened: set[str] = set()
        self._balances: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._last: date | None = None

    def entry(self, transaction: Transaction) -> str:
        day = transaction.at.astimezone(self._zone).date()
        self._last = day if self._last is None else max(day, self._last)
        used = dict.fromkeys(account(posting.account) for posting in transaction.postings)
        opened = [f"{day} open {name}\n" for name in used if name not in self._opened]
        self._opened.update(used)
        for posting in transaction.postings:
            self._balances[account(posting.account), posting.amount.currency] += posting.amount.minor
        return "".join(opened) + _entry(day, transaction) + "\n"

    def tail(self) -> str:
        if self._last is None:
            return ""
        day = self._last + timedelta(days=1)
        return "\n" + "".join(_asserted(day, *place, minor) for place, minor in sorted(self._balances.items()))


def render(transactions: Iterable[Transaction], zone: tzinfo = UTC, title: str = "Ledger") -> str:
    """The file of transactions in any order."""
    writer = Writer(zone, title)
    return "".join(
        [writer.head, *(writer.entry(each) for each in sorted(transactions, key=lambda each: each.at)), writer.tail()]
    )


def _entry(day: date, each: Transaction) -> str:
    lines = ["", f"{day} * {quoted(each.description)}", f"  id: {quoted(each.id)}"]
    if each.reference:
        lines.append(f"  reference: {quoted(each.reference)}")
    return "\n".join([*lines, *(_posting(posting) for posting in each.postings)])


def _posting(posting: Posting) -> str:
    line = f"  {account(posting.account)}  {amount(posting.amount)}"
    return f"{line}\n    subject: {quoted(posting.subject)}" if posting.subject else line


def _asserted(day: date, name: str, currency: str, minor: int) -> str:
    number, _, code = amount(Money(minor=minor, currency=currency)).partition(" ")
    return f"{day} balance {name}  {number} ~ 0 {code}\n"
