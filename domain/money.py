"""Money as whole minor units of an ISO 4217 currency, and its exact division."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Self

from iso4217 import Currency as IsoCurrency
from pydantic import AfterValidator, Field

from domain.values import Value

_EXPONENTS = {currency.code: int(currency.exponent or 0) for currency in IsoCurrency}


def _known_currency(code: str) -> str:
    if code not in _EXPONENTS:
        raise ValueError(f"{code!r} is not an ISO 4217 currency code such as 'EUR'")
    return code


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"]), AfterValidator(_known_currency)]

UnitAmount = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=24, decimal_places=12, examples=["19.00"])]
"""A price for one unit, in major units and exact to 12 decimals; it is rounded at the line and not before."""

LARGEST_AMOUNT = 10**15
"""The largest absolute amount of minor units accepted anywhere: it fits a PostgreSQL bigint many times over."""


def exponent(currency: str) -> int:
    """How many decimals the currency has (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS[currency]


class Money(Value):
    """An amount in minor units (cents of EUR, whole yen of JPY, fils of KWD)."""

    minor: Annotated[int, Field(strict=True, ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT, examples=[1999])]
    currency: CurrencyCode

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(minor=0, currency=currency)

    @classmethod
    def rounded(cls, major: Decimal, currency: str, rounding: str = ROUND_HALF_UP) -> Self:
        """From an exact amount in major units, rounded once to the minor unit (half up unless named)."""
        quantum = Decimal(1).scaleb(-exponent(currency))
        return cls(minor=int(major.quantize(quantum, rounding=rounding).scaleb(exponent(currency))), currency=currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(minor=-self.minor, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        digits = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Divide by weights so that the parts add up exactly (largest remainder; ties to the earlier part)."""
        whole = sum(weights)
        if whole <= 0 or any(weight < 0 for weight in weights):
            raise ValueError("weights must be zero or more and not all zero")
        sign = -1 if self.minor < 0 else 1
        shares = [divmod(abs(self.minor) * weight, whole) for weight in weights]
        parts = [quotient for quotient, _ in shares]
        by_remainder = sorted(range(len(shares)), key=lambda index: (-shares[index][1], index))
        for index in by_remainder[: abs(self.minor) - sum(parts)]:
            parts[index] += 1
        return [Money(minor=sign * part, currency=self.currency) for part in parts]


def total(amounts: Sequence[Money], currency: str) -> Money:
    """The sum of amounts that are all in `currency`; zero for none."""
    result = Money.zero(currency)
    for amount in amounts:
        result = result + amount
    return result
