"""Recognises card numbers, which this product must never hold."""

from pydantic import BaseModel

from domain.cards import shows_card_number

_NAMES = frozenset({"key", "refund_key", "customer"})


def body_shows_card_number(body: BaseModel) -> bool:
    """Whether a text field of the body holds 13 to 19 digits that pass the Luhn check.

    A key or a customer's id counts only if it is nothing else: an order id may well contain a long number.
    """
    return any(
        shows_card_number(value) and (name not in _NAMES or value.replace(" ", "").isdigit())
        for name, value in body
        if isinstance(value, str)
    )
