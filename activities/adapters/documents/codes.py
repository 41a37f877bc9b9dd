"""What both syntaxes of EN 16931 write in the same way: numbers and codes."""

from domain.billing.documents.parties import Address, PaymentMethod
from domain.money import Money

MEANS = {PaymentMethod.transfer: "30", PaymentMethod.direct_debit: "59", PaymentMethod.card: "48"}
"""BT-81, of UNTDID 4461: credit transfer, SEPA direct debit, bank card."""


def major(amount: Money) -> str:
    """With the decimals of the currency and without its code."""
    return str(amount).removesuffix(f" {amount.currency}")


def street(address: Address) -> list[str]:
    """The lines of an address as the three that there are (BT-35, BT-36, BT-162)."""
    rest = ", ".join(address.lines[2:])
    return [*address.lines[:2], *([rest] if rest else [])]
