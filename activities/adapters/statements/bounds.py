"""What every reader of statements keeps to."""

from decimal import Decimal, InvalidOperation

from domain.errors import BadInput
from domain.money import LARGEST_AMOUNT, Money, exponent

LARGEST_FILE = 20 * 1024 * 1024
MOST_LINES = 200_000


def check_size(data: bytes) -> None:
    """Raises BadInput where there is nothing in the file, or more than a statement has."""
    if not data.strip():
        raise BadInput("file", "is empty; a statement was expected")
    if len(data) > LARGEST_FILE:
        raise BadInput("file", f"has {len(data)} bytes; at most {LARGEST_FILE} are read, so send fewer days at a time")


def money(field: str, text: str, currency: str) -> Money:
    """An amount in major units such as `-1234.50`, exact in its currency. Raises BadInput at `field`."""
    try:
        digits = exponent(currency)
    except KeyError:
        raise BadInput(field, "needs an ISO 4217 currency code such as EUR") from None
    try:
        minor = Decimal(text).scaleb(digits)
        whole = minor == minor.to_integral_value() and abs(minor) <= LARGEST_AMOUNT
    except InvalidOperation:
        raise BadInput(field, "needs an amount such as 1234.50") from None
    if not whole:
        raise BadInput(field, f"needs an amount of at most {digits} decimals, as {currency} has, and within {LARGEST_AMOUNT}")
    return Money(minor=int(minor), currency=currency)
