"""What disputes book. While one is open its money is a receivable from the gateway ("A/R chargebacks",
https://sift.com/sift-edu/chargebacks/chargeback-accounting-dispute-recording): won, it is cash again; lost, a loss, or
taken from the sale by a credit note.
"""

from datetime import datetime

from domain.billing.cash_postings import gateway_fee
from domain.billing.ledger import AccountKind, Posting, Transaction, cash, transaction
from domain.money import Money


def opened(key: str, gateway: str, amount: Money, fee: Money, at: datetime) -> list[Transaction | None]:
    """The disputed amount and the fee leave the account at the gateway."""
    postings = [
        Posting(account=AccountKind.disputed, amount=amount, subject=key),
        Posting(account=cash(gateway), amount=-amount, subject=key),
    ]
    return [transaction(key, at, f"Dispute {key}", postings), gateway_fee(key, gateway, fee, at)]


def won(key: str, gateway: str, amount: Money, fee: Money, at: datetime) -> list[Transaction | None]:
    """Both come back, as a movement of its own at the gateway."""
    ended = f"{key}:won"
    postings = [
        Posting(account=cash(gateway), amount=amount, subject=ended),
        Posting(account=AccountKind.disputed, amount=-amount, subject=key),
    ]
    return [transaction(ended, at, f"Dispute won {key}", postings, key), gateway_fee(ended, gateway, -fee, at)]


def lost(key: str, amount: Money, credited: Money, customer: str, at: datetime) -> Transaction | None:
    """What credit notes have made the customer's credit is paid out by it, and the rest is a loss."""
    postings = [
        Posting(account=AccountKind.customer_credit, amount=credited, subject=customer),
        Posting(account=AccountKind.dispute_losses, amount=amount - credited, subject=key),
        Posting(account=AccountKind.disputed, amount=-amount, subject=key),
    ]
    return transaction(f"{key}:lost", at, f"Dispute lost {key}", postings, key)
