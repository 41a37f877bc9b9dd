"""What rating a quantity came to: the exact amount, and the bands that it is the sum of."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from domain.billing.exact import EXACT, ZERO, plain, rounded
from domain.money import Money, exponent


@dataclass(frozen=True, slots=True)
class Band:
    """`amount` is quantity × unit_amount + flat_amount, exact, in major units; negative only for what a maximum takes off."""

    quantity: Decimal
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal
    description: str


@dataclass(frozen=True, slots=True)
class Rated:
    """An exact amount in major units, which is the sum of its bands."""

    amount: Decimal
    bands: tuple[Band, ...]

    def rounded(self, currency: str, rounding: str = ROUND_HALF_UP) -> Money:
        """The line's amount: the one rounding of a rated quantity."""
        return rounded(self.amount, currency, rounding)


def band(quantity: Decimal, unit_amount: Decimal, flat_amount: Decimal, description: str) -> Band:
    return Band(quantity, unit_amount, flat_amount, EXACT.fma(quantity, unit_amount, flat_amount), description)


def flat(amount: Decimal, description: str) -> Band:
    """A band that is an amount whatever the quantity."""
    return Band(ZERO, ZERO, amount, amount, description)


def sum_of(bands: Iterable[Band]) -> Rated:
    kept = tuple(bands)
    amount = ZERO
    for each in kept:
        amount = EXACT.add(amount, each.amount)
    return Rated(amount, kept)


def limited(rated: Rated, minimum: Decimal | None, maximum: Decimal | None) -> Rated:
    """Raised to the minimum, or lowered to the maximum, by a band that says so."""
    if minimum is not None and rated.amount < minimum:
        return _moved(rated, minimum, f"minimum {plain(minimum, 2)}")
    if maximum is not None and rated.amount > maximum:
        return _moved(rated, maximum, f"maximum {plain(maximum, 2)}")
    return rated


def _moved(rated: Rated, amount: Decimal, description: str) -> Rated:
    return Rated(amount, (*rated.bands, flat(EXACT.subtract(amount, rated.amount), description)))


def explain(rated: Rated, charged: Money | None = None) -> str:
    """How the amount comes about, as a person would write it: `10 × 5.00 + 5 × 4.00 = 70.00`.

    With the money that is charged, its currency's decimals are used, and a rounding is shown: `12 × 0.0004 = 0.0048 → 0.00`.
    """
    least = 2 if charged is None else exponent(charged.currency)
    terms = [term for each in rated.bands for term in _terms(each, least)] or [("+", "0")]
    sign, first = terms[0]
    text = (f"−{first}" if sign == "−" else first) + "".join(f" {sign} {term}" for sign, term in terms[1:])
    text += f" = {plain(rated.amount, least)}"
    return (
        text
        if charged is None or _is(charged, rated.amount)
        else f"{text} → {str(charged).removesuffix(charged.currency).strip()}"
    )


def _is(charged: Money, amount: Decimal) -> bool:
    return Decimal(charged.minor).scaleb(-exponent(charged.currency)) == amount


def _terms(each: Band, least: int) -> list[tuple[str, str]]:
    by_unit = each.unit_amount != 0 or each.flat_amount == 0
    terms = [("+", f"{plain(each.quantity)} × {plain(each.unit_amount, least)}")] if by_unit else []
    if each.flat_amount != 0:
        sign = "−" if each.flat_amount < 0 else "+"
        text = plain(EXACT.abs(each.flat_amount), least)
        terms.append((sign, text if by_unit else f"{text} ({each.description})"))
    return terms
