"""What a customer pays an invoice with besides money: the balance, and then prepaid credit."""

from datetime import date, datetime

from domain.billing.balance import CollectionSettings, applied_balance
from domain.billing.credits import Wallet, available, commit, reserve, reserved
from domain.billing.invoices import Funds, Invoice, finalize
from domain.money import Money
from domain.values import Value


class Purse(Value):
    """Of one customer in one currency, locked while an invoice takes from it."""

    balance: Money
    wallet: Wallet


def drawn(invoice: Invoice, purse: Purse, now: datetime) -> tuple[Funds, Wallet]:
    """What there is for the invoice, and the wallet once its part is used up, under the invoice's id."""
    nothing = Money.zero(invoice.currency)
    wanted = max(nothing, invoice.gross - applied_balance(invoice.gross, purse.balance))
    wanted = min(wanted, available(purse.wallet, now))
    if not wanted:
        return Funds(balance=purse.balance, prepaid=nothing), purse.wallet
    wallet, held = reserve(purse.wallet, invoice.id, wanted, now)
    return Funds(balance=purse.balance, prepaid=reserved(held, invoice.currency)), commit(wallet, invoice.id)


def issued(invoice: Invoice, purse: Purse, now: datetime, today: date, settings: CollectionSettings) -> tuple[Invoice, Purse]:
    """The invoice as issued on `today`, the legal entity's local date at `now`, but for its number, and what it leaves of the
    purse. Raises what `finalize` raises."""
    funds, wallet = drawn(invoice, purse, now)
    done = finalize(invoice, None, funds, today, settings)
    change = done.settlement.to_balance if done.settlement is not None else Money.zero(invoice.currency)
    return done, Purse(balance=purse.balance + change, wallet=wallet)
