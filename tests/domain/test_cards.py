"""Card numbers: found however they are written, and not taken for what only looks alike."""

import pytest

from domain.cards import shows_card_number, without_card_numbers

# Test numbers that card networks and processors publish: Visa (16, 13 and 19 digits), Mastercard (both ranges), American
# Express, Diners, Discover, JCB, UnionPay, Maestro.
PUBLISHED = [
    "4242424242424242",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6205500000000000004",
    "6759649826438453",
]


@pytest.mark.parametrize("number", PUBLISHED)
def test_published_test_numbers_are_found(number: str) -> None:
    assert shows_card_number(number)
    assert shows_card_number(f"my card is {number}, thanks")


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20134242\u20134242\u20134242",
        "4242\n4242\n4242\n4242",
        "visa4242424242424242exp1230",
        "\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12",
    ],
)
def test_it_is_found_however_it_is_written(text: str) -> None:
    assert shows_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # the check digit is another
        "DE89 3704 0044 0532 0130 00",  # IBANs of the registry's examples
        "NO9386011117947",
        "BE68539007547034",
        "89490200001234567892",  # 20 digits
        "8949020000123456788",  # a SIM card's ICCID has 19 and begins with 89
        "356938035643809",  # an IMEI
        "+49 1512 3456789",
        "123e4567-e89b-12d3-a456-426614174000",
        "from 2026-01-31 to 2026-02-28",
        "INV-2026-000000125",
        "O-1001:payment:1",
    ],
)
def test_what_only_looks_alike_is_none(text: str) -> None:
    assert not shows_card_number(text)


def test_a_number_is_hidden_but_for_its_last_digits() -> None:
    assert without_card_numbers("card 4242 4242 4242 4242 for R-7") == "card •••• 4242 for R-7"
    assert without_card_numbers("R-2026-0001") == "R-2026-0001"
