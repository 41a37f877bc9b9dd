"""Rates that an operator adds to the shipped ones: where both speak of one day, the operator's holds."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from domain.billing.tax.jurisdictions import Jurisdiction
from domain.billing.tax.rates import TaxRate, TaxTable
from domain.errors import BadInput

Key = tuple[Jurisdiction, str, str]


def key_of(rate: TaxRate) -> Key:
    return rate.jurisdiction, rate.tax, rate.category


def overridden(table: TaxTable, added: Sequence[TaxRate]) -> TaxTable:
    """The table with the rates that were `added`, each ending where the next of its key begins; shipped rates of the same key
    hold on the days that are left."""
    by_key: defaultdict[Key, list[TaxRate]] = defaultdict(list)
    for rate in added:
        by_key[key_of(rate)].append(rate)
    own = {key: _in_turn(rates) for key, rates in by_key.items()}
    shipped = [part for rate in table.rates for part in _left_of(rate, own.get(key_of(rate), []))]
    return TaxTable(
        rates=(*shipped, *(rate for rates in own.values() for rate in rates)),
        taxabilities=table.taxabilities,
        territories=table.territories,
    )


def check_addition(rate: TaxRate, earlier: Sequence[TaxRate]) -> None:
    """BadInput where a rate of the same key that was added before holds on one of its days. One without an end is until further
    notice: a rate that begins after it ends it."""
    own = [each for each in earlier if key_of(each) == key_of(rate)]
    for each in own:
        first, second = sorted((each, rate), key=lambda dated: dated.valid_from)
        follows = first.valid_to is None and first.valid_from < second.valid_from
        if not follows and each.overlaps(rate):
            until = f"until {each.valid_to}" if each.valid_to else "until further notice"
            raise BadInput(
                "valid_from", f"{rate.valid_from} is taken by {each.percent} % from {each.valid_from} {until} ({each.source})"
            )


def _in_turn(rates: Sequence[TaxRate]) -> list[TaxRate]:
    """By date, open ends closed by what follows."""
    ordered = sorted(rates, key=lambda rate: rate.valid_from)
    closed = [first.model_copy(update={"valid_to": first.valid_to or second.valid_from}) for first, second in pairwise(ordered)]
    return [*closed, *ordered[-1:]]


def _left_of(rate: TaxRate, added: Sequence[TaxRate]) -> list[TaxRate]:
    """The stretches of a shipped rate on which none of `added` holds."""
    left = [rate]
    for each in added:
        left = [part for one in left for part in _without(one, each)]
    return left


def _without(rate: TaxRate, other: TaxRate) -> list[TaxRate]:
    if not rate.overlaps(other):
        return [rate]
    parts = []
    if rate.valid_from < other.valid_from:
        parts.append(rate.model_copy(update={"valid_to": other.valid_from}))
    if other.valid_to is not None and (rate.valid_to is None or other.valid_to < rate.valid_to):
        parts.append(rate.model_copy(update={"valid_from": other.valid_to}))
    return parts
