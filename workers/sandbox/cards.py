"""Recognises card numbers, which this product must never hold."""

import re

from pydantic import BaseModel

_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_NAMES = frozenset({"key", "refund_key", "customer"})


def passes_luhn(digits: str) -> bool:
    """The check digit rule of ISO/IEC 7812-1, annex B."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def shows_card_number(body: BaseModel) -> bool:
    """Whether a text field of the body holds 13 to 19 digits that pass the Luhn check.

    A key or a customer's id counts only if it is nothing else: an order id may well contain a long number.
    """
    return any(
        passes_luhn(re.sub(r"\D", "", candidate))
        for name, value in body
        if isinstance(value, str)
        for candidate in _candidates(name, value)
    )


def _candidates(name: str, text: str) -> list[str]:
    if name in _NAMES:
        return [text] if _NUMBER.fullmatch(text) else []
    return _NUMBER.findall(text)
