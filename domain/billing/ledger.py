"""Double entry: accounts, balanced transactions, and what they add up to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from domain.money import Money
from domain.values import Instant, Value


class AccountKind(StrEnum):
    """The chart of accounts. Those in `PER_DETAIL` are kept once per gateway or jurisdiction: `cash:stripe`."""

    receivable = "receivable"
    cash = "cash"
    suspense = "suspense"
    disputed = "disputed"
    """Money that a gateway holds back while a dispute is decided: a receivable from it ("A/R chargebacks")."""
    deferred_revenue = "deferred_revenue"
    tax_payable = "tax_payable"
    customer_credit = "customer_credit"
    prepaid_credit = "prepaid_credit"
    revenue = "revenue"
    breakage = "breakage"
    gateway_fees = "gateway_fees"
    write_off = "write_off"
    dispute_losses = "dispute_losses"
    promotions = "promotions"


KINDS = frozenset(AccountKind)
PER_DETAIL = frozenset({AccountKind.cash, AccountKind.tax_payable})


def _known_account(name: str) -> str:
    kind, separator, detail = name.partition(":")
    if kind not in KINDS:
        raise ValueError(f"{name!r} is no account; one of {', '.join(AccountKind)}")
    if (AccountKind(kind) in PER_DETAIL) != bool(separator and detail):
        raise ValueError(f"{name!r} needs a detail such as 'cash:stripe' or 'tax_payable:DE', or must not have one")
    return name


AccountName = Annotated[str, Field(max_length=120, examples=["cash:stripe"]), AfterValidator(_known_account)]


def cash(gateway: str) -> str:
    return f"{AccountKind.cash}:{gateway}"


def tax_payable(jurisdiction: str) -> str:
    return f"{AccountKind.tax_payable}:{jurisdiction}"


def kind_of(account: str) -> AccountKind:
    return AccountKind(account.partition(":")[0])


class Posting(Value):
    """One side of a transaction: a debit is positive and a credit negative. `subject` is what it is about: the invoice of a
    receivable, the line of deferred revenue, the customer of a credit."""

    account: AccountName
    amount: Money
    subject: str = ""


class Transaction(Value):
    """Postings that happen together. Its id is a business fact, so that the same event is booked once.

    Refused where there is no posting, where one is of nothing, or where a currency does not add up to zero.
    """

    id: Annotated[str, Field(min_length=1)]
    at: Instant
    description: str
    reference: str = ""
    postings: tuple[Posting, ...]

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if not self.postings:
            raise ValueError(f"postings: transaction {self.id} needs some")
        for index, posting in enumerate(self.postings):
            if not posting.amount:
                raise ValueError(f"postings[{index}].amount: must not be zero")
        for currency, sum_ in sums(self.postings).items():
            if sum_:
                raise ValueError(f"postings: {currency} is out of balance by {Money(minor=sum_, currency=currency)}")
        return self


def sums(postings: Iterable[Posting]) -> dict[str, int]:
    """Minor units by currency; a balanced transaction has zero in each."""
    result: defaultdict[str, int] = defaultdict(int)
    for posting in postings:
        result[posting.amount.currency] += posting.amount.minor
    return dict(result)


def transaction(
    id_: str, at: Instant, description: str, postings: Iterable[Posting], reference: str = ""
) -> Transaction | None:
    """Without the postings of nothing, and with those to the same account and subject put together.

    None where nothing is left, as for an invoice of zero: there is nothing to book then.
    """
    together: dict[tuple[str, str, str], Posting] = {}
    for posting in postings:
        key = (posting.account, posting.subject, posting.amount.currency)
        before = together.get(key)
        amount = posting.amount if before is None else before.amount + posting.amount
        together[key] = posting if before is None else before.model_copy(update={"amount": amount})
    kept = tuple(posting for posting in together.values() if posting.amount)
    return Transaction(id=id_, at=at, description=description, reference=reference, postings=kept) if kept else None


def reversal(original: Transaction, id_: str, at: Instant, description: str) -> Transaction:
    """The same postings with the other sign: the ledger is only ever added to."""
    postings = tuple(each.model_copy(update={"amount": -each.amount}) for each in original.postings)
    return Transaction(id=id_, at=at, description=description, reference=original.id, postings=postings)


def opening(balances: Mapping[tuple[str, str], int], at: Instant) -> Transaction | None:
    """What accounts stand at, by (account, currency), as the first transaction of books that begin `at`; None of none."""
    postings = [
        Posting(account=account, amount=Money(minor=minor, currency=currency))
        for (account, currency), minor in sorted(balances.items())
    ]
    return transaction(f"opening:{at.isoformat()}", at, "Opening balances", postings)


def balance(transactions: Iterable[Transaction], account: str, currency: str, subject: str | None = None) -> Money:
    """What an account stands at, debits less credits; only of one subject where it is given."""
    amounts = (
        posting.amount.minor
        for each in transactions
        for posting in each.postings
        if posting.account == account and posting.amount.currency == currency and subject in {None, posting.subject}
    )
    return Money(minor=sum(amounts), currency=currency)


def trial_balance(transactions: Iterable[Transaction]) -> dict[tuple[str, str], int]:
    """Minor units by (account, currency), debits less credits; each currency adds up to zero."""
    result: defaultdict[tuple[str, str], int] = defaultdict(int)
    for each in transactions:
        for posting in each.postings:
            result[posting.account, posting.amount.currency] += posting.amount.minor
    return dict(result)
