"""The form of tax identification numbers: check digits and shape, by country. It says nothing about who is registered."""

import re

from stdnum import get_cc_module
from stdnum.eu import vat as union_vat
from stdnum.exceptions import ValidationError

from domain.billing.tax.jurisdictions import UNION

_OTHERS = re.compile(r"^[A-Z0-9]{4,20}$")
_PREFIXED = {"CH": "CHE", "GB": "GB", "MC": "FR"}


def normal_tax_id(tax_id: str, country: str) -> str:
    """The number without spaces and dots, with the prefix the country writes before it (DE, EL, CHE).

    ValueError where it cannot be a tax number of `country`. Numbers of countries without known rules need only look like one.
    """
    compact = re.sub(r"[\s.\-/]", "", tax_id).upper()
    try:
        normal = _of_union(compact, country) if country in UNION else _of_others(compact, country)
    except ValidationError:
        raise ValueError(f"vat_id: {tax_id!r} is not a tax number of {country}; check its prefix, length and digits") from None
    return normal


def _of_union(compact: str, country: str) -> str:
    prefix = "EL" if country == "GR" else country
    if country == "GR" and compact.startswith("GR"):
        compact = compact[2:]
    return union_vat.validate(compact if compact.startswith(prefix) else prefix + compact)


def _of_others(compact: str, country: str) -> str:
    rules = get_cc_module(country.lower(), "vat")
    if rules is None:
        if not _OTHERS.match(compact):
            raise ValidationError()
        return compact
    if country == "GB" and compact.startswith("XI"):
        return union_vat.validate(compact)  # Northern Ireland
    if country == "JP":
        return "T" + str(rules.validate(compact.removeprefix("T")))  # the issuer's number of a qualified invoice
    normal = str(rules.validate(compact))
    prefix = _PREFIXED.get(country, "")
    return normal if normal.startswith(prefix) else prefix + normal
