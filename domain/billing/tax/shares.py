"""Whole minor units from exact amounts: named rounding, and shares that add up to what was rounded."""

from collections.abc import Sequence
from fractions import Fraction

from domain.billing.tax.settings import Rounding


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """numerator / denominator (> 0) to a whole number, without any intermediate that is inexact. Halves and directions are
    by magnitude, so that a credit is rounded as the charge was."""
    whole, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    match rounding:
        case Rounding.half_up:
            up = twice >= denominator
        case Rounding.half_even:
            up = twice > denominator or (twice == denominator and whole % 2 == 1)
        case Rounding.half_down:
            up = twice > denominator
        case Rounding.up:
            up = rest > 0
        case Rounding.down:
            up = False
    return (whole + up) * (-1 if numerator < 0 else 1)


def spread(numerators: Sequence[int], denominator: int, total: int) -> list[int]:
    """Whole parts of `total` for the exact parts numerators / denominator, each less than one unit away from its exact part
    (largest remainder, ties to the earlier one). `total` is their exact sum rounded, whatever the signs of the parts."""
    pairs = [divmod(numerator, denominator) for numerator in numerators]
    parts = [whole for whole, _ in pairs]
    missing = total - sum(parts)
    if missing:
        largest = sorted(range(len(pairs)), key=lambda index: (-pairs[index][1], index))
        for index in largest[:missing]:
            parts[index] += 1
    return parts


def spread_within(exact: Sequence[Fraction], low: Sequence[int], high: Sequence[int], total: int) -> list[int]:
    """As `spread`, with each part kept in `[low, high]`. ValueError where `total` is not between the sums of both."""
    if not sum(low) <= total <= sum(high):
        raise ValueError(f"total: must be from {sum(low)} to {sum(high)}, not {total}")
    parts = [min(max(part.__floor__(), floor), ceiling) for part, floor, ceiling in zip(exact, low, high, strict=True)]
    missing = total - sum(parts)
    step = 1 if missing > 0 else -1
    limit = high if missing > 0 else low
    while missing:
        free = [index for index in range(len(parts)) if parts[index] != limit[index]]
        neediest = sorted(free, key=lambda index: (-step * (exact[index] - parts[index]), index))
        for index in neediest[: abs(missing)]:
            parts[index] += step
            missing -= step
    return parts
