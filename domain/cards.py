"""Card numbers, which this product must never hold: recognised so that they can be refused, or hidden in what a bank writes."""

import re
from collections.abc import Iterator

from pydantic import AfterValidator
from stdnum import iban

_NUMBER = re.compile(r"(?<!\d)\d(?:[\s\u2010-\u2015-]{0,2}\d){12,18}(?!\d)")
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_DIGEST = re.compile(r"\b(?=[0-9]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})\b")
_DATE = re.compile(r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[0-9A-Z]){11,30}\b")
_PHONE = re.compile(r"\+\d(?:[\s-]?\d){6,14}(?!\d)")
_NO_CARD = re.compile(r"[0178]|2[01]|35\d{13}$")
"""How no payment card begins (ISO/IEC 7812-1, major industry identifiers): airlines, petrol, and telecommunication, whose SIM
cards have numbers with a check digit of the same kind; years, so that a long invoice number is none; and the 15 digits of a
phone's IMEI, where a card that begins with 35 has 16."""


def passes_luhn(digits: str) -> bool:
    """The check digit rule of ISO/IEC 7812-1, annex B."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def shows_card_number(text: str) -> bool:
    """Whether 13 to 19 digits that pass the Luhn check stand in it, spaced or not.

    One such number in ten is none. What has a form of its own is passed over: a valid IBAN, a UUID, a digest, a date, a phone
    number in the form of E.164, and what begins as no payment card does.
    """
    return any(True for _ in _numbers(text))


def without_card_numbers(text: str) -> str:
    """The text with all but the last four digits of each card number hidden."""
    for found in list(_numbers(text)):
        text = text.replace(found, f"•••• {re.sub(r'[^0-9]', '', found)[-4:]}")
    return text


def _numbers(text: str) -> Iterator[str]:
    """As they are written."""
    if _NUMBER.search(text) is None:
        return
    for form in (_UUID, _DIGEST, _DATE, _PHONE):
        text = form.sub("x", text)
    text = _IBAN.sub(lambda found: "x" if iban.is_valid(found[0]) else found[0], text)
    for found in _NUMBER.findall(text):
        digits = "".join(str(int(sign)) for sign in found if sign.isdecimal())
        if _NO_CARD.match(digits) is None and passes_luhn(digits):
            yield found


def _refuse(text: str) -> str:
    if shows_card_number(text):
        raise ValueError(REFUSAL)
    return text


REFUSAL = "looks like a card number, which is never accepted; send a gateway token such as 'tok_visa'"
NoCardNumber = AfterValidator(_refuse)
"""Refuses a text with a card number in it."""
