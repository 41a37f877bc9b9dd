"""What a customer has beside a service that only goes with it: its product requires the other one."""

from collections.abc import Mapping

from domain.catalogue import Catalogue, Product


def add_ons(base: str, had: Mapping[str, str], catalogue: Catalogue) -> set[str]:
    """Of what is `had`, products by subscription, the subscriptions of those that require the product `base`."""
    return {name for name, product in had.items() if base in _required(product, catalogue)}


def dropped(base: str, instead: Product, had: Mapping[str, str], catalogue: Catalogue) -> list[str]:
    """The add-ons of `base` that do not go with what comes `instead` of it: those that require what is not there any
    more, and those that it has in it already, so that one excludes the other. In order of their ids."""
    left = {instead.id, *had.values()} - {base}
    return [
        name
        for name in sorted(add_ons(base, had, catalogue))
        if not set(_required(had[name], catalogue)) <= left or _exclude_each_other(catalogue.products[had[name]], instead)
    ]


def _required(product: str, catalogue: Catalogue) -> list[str]:
    known = catalogue.products.get(product)
    return [] if known is None else known.requires


def _exclude_each_other(one: Product, other: Product) -> bool:
    return one.id in other.excludes or other.id in one.excludes
