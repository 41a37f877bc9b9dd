"""Card numbers, which this product must never hold: recognised so that they can be refused."""

import re

from pydantic import AfterValidator

_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def passes_luhn(digits: str) -> bool:
    """The check digit rule of ISO/IEC 7812-1, annex B."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def shows_card_number(text: str) -> bool:
    """Whether 13 to 19 digits that pass the Luhn check stand in it, spaced or not."""
    return any(passes_luhn(re.sub(r"\D", "", found)) for found in _NUMBER.findall(text))


def _refuse(text: str) -> str:
    if shows_card_number(text):
        raise ValueError("looks like a card number, which is never accepted; send a gateway token such as 'tok_visa'")
    return text


NoCardNumber = AfterValidator(_refuse)
"""Refuses a text with a card number in it."""
