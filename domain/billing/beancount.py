"""The ledger as Beancount text, which `bean-check` accepts with a tolerance of zero (https://beancount.github.io/docs/)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, timedelta, tzinfo
from decimal import Decimal

from domain.billing.ledger import AccountKind, Posting, Transaction, kind_of, trial_balance
from domain.money import Money, exponent

_ROOTS = {
    AccountKind.receivable: "Assets:Receivable",
    AccountKind.cash: "Assets:Cash",
    AccountKind.suspense: "Liabilities:Suspense",
    AccountKind.deferred_revenue: "Liabilities:DeferredRevenue",
    AccountKind.tax_payable: "Liabilities:TaxPayable",
    AccountKind.customer_credit: "Liabilities:CustomerCredit",
    AccountKind.prepaid_credit: "Liabilities:PrepaidCredit",
    AccountKind.revenue: "Income:Revenue",
    AccountKind.breakage: "Income:Breakage",
    AccountKind.gateway_fees: "Expenses:GatewayFees",
    AccountKind.write_off: "Expenses:WriteOff",
    AccountKind.promotions: "Expenses:Promotions",
}
_HEAD = 'option "title" {title}\noption "inferred_tolerance_default" "*:0"\noption "tolerance_multiplier" "0"\n'


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


def render(transactions: Iterable[Transaction], zone: tzinfo = UTC, title: str = "Ledger") -> str:
    """A whole file: accounts are opened on their first day, transactions follow by date, and on the day after the last one
    every balance is asserted. Dates are local dates of `zone`, the books' time zone."""
    dated = sorted(((each.at.astimezone(zone).date(), each) for each in transactions), key=lambda pair: (pair[0], pair[1].at))
    parts = [_HEAD.format(title=quoted(title)), *_opened(dated)]
    parts += [_entry(day, each) for day, each in dated]
    if dated:
        parts += _asserted(dated[-1][0] + timedelta(days=1), [each for _, each in dated])
    return "\n".join(parts) + "\n"


def _opened(dated: Sequence[tuple[date, Transaction]]) -> Iterator[str]:
    first: dict[str, date] = {}
    for day, each in dated:
        for posting in each.postings:
            first.setdefault(account(posting.account), day)
    for name, day in first.items():
        yield f"{day} open {name}"


def _entry(day: date, each: Transaction) -> str:
    lines = ["", f"{day} * {quoted(each.description)}", f"  id: {quoted(each.id)}"]
    if each.reference:
        lines.append(f"  reference: {quoted(each.reference)}")
    return "\n".join([*lines, *(_posting(posting) for posting in each.postings)])


def _posting(posting: Posting) -> str:
    line = f"  {account(posting.account)}  {amount(posting.amount)}"
    return f"{line}\n    subject: {quoted(posting.subject)}" if posting.subject else line


def _asserted(day: date, transactions: Sequence[Transaction]) -> Iterator[str]:
    balances: dict[tuple[str, str], int] = {}
    for (name, currency), minor in trial_balance(transactions).items():
        key = (account(name), currency)
        balances[key] = balances.get(key, 0) + minor
    yield ""
    for (name, currency), minor in sorted(balances.items()):
        number, _, code = amount(Money(minor=minor, currency=currency)).partition(" ")
        yield f"{day} balance {name}  {number} ~ 0 {code}"
