"""What both syntaxes of EN 16931 write in the same way: numbers, code lists and tax numbers."""

import re
from decimal import Decimal

from domain.billing.documents.parties import Issuer, PaymentMethod
from domain.money import Money

MEANS = {PaymentMethod.transfer: "30", PaymentMethod.direct_debit: "59", PaymentMethod.card: "48"}
"""BT-81, of UNTDID 4461: credit transfer, SEPA direct debit, bank card."""
_PREFIXED = re.compile(r"^[A-Z]{2}")


def plain(number: Decimal) -> str:
    """Digits without an exponent and without zeros at the end of a fraction."""
    return f"{number.normalize():f}"


def major(amount: Money) -> str:
    """With the decimals of the currency and without its code."""
    return str(amount).removesuffix(f" {amount.currency}")


def vat_registration(vat_id: str | None) -> str | None:
    """The number where it begins with a country, as BR-CO-9 wants of BT-31 and BT-48."""
    return vat_id if vat_id is not None and _PREFIXED.match(vat_id) else None


def tax_registration(issuer: Issuer) -> str | None:
    """BT-32: the number at the tax office, or a VAT number that is written without a country."""
    without_country = issuer.vat_id if vat_registration(issuer.vat_id) is None else None
    return issuer.tax_number or without_country
