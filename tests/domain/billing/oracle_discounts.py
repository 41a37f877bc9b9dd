"""Coupons on lines in exact fractions, one after the other; a whole cent is only looked for at the end of each coupon."""

from fractions import Fraction
from itertools import combinations
from math import floor


def percent_off(lefts: list[int], percent: Fraction) -> int:
    return floor(sum(lefts) * percent / 100 + Fraction(1, 2))


def nearest(lefts: list[int], taken: int) -> set[tuple[int, ...]]:
    """All ways to spread `taken` whole units whose distance from the exact shares is least (tried one by one)."""
    shares = [Fraction(taken * left, sum(lefts)) for left in lefts]
    floors = [floor(share) for share in shares]
    missing = taken - sum(floors)
    candidates = []
    for chosen in combinations(range(len(lefts)), missing):
        parts = tuple(part + (index in chosen) for index, part in enumerate(floors))
        candidates.append((sum((part - share) ** 2 for part, share in zip(parts, shares, strict=True)), parts))
    best = min(distance for distance, _ in candidates)
    return {parts for distance, parts in candidates if distance == best}
