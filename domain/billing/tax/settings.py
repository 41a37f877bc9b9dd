"""Where tax practice differs from country to country or from seller to seller: settings, with the usual choice as default."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.billing.tax.decisions import TaxCategory
from domain.billing.tax.jurisdictions import UNION, Jurisdiction
from domain.values import CountryCode, StrictValue


class Scope(StrEnum):
    """What is rounded once; whatever is smaller gets its share of the rounded amount, so that everything adds up."""

    line = "line"
    """Each tax of each line."""
    category = "category"
    """All lines of one document with the same tax, rate and category code (EN 16931, BR-CO-17)."""
    document = "document"
    """All rates of one tax owed to one jurisdiction, on one document."""


class Rounding(StrEnum):
    """By magnitude: `down` is towards zero, halves of a credit go where halves of a charge go."""

    half_up = "half_up"
    half_even = "half_even"
    half_down = "half_down"
    down = "down"
    up = "up"


SCOPES: dict[str, Scope] = dict.fromkeys(UNION, Scope.category) | {
    "GB": Scope.category,
    "CH": Scope.category,
    "NO": Scope.category,
    "JP": Scope.category,
    "IN": Scope.category,
    "US": Scope.document,
    "CA": Scope.document,
    "AU": Scope.document,
}
"""The default scope by country, from:
EU: EN 16931 BR-CO-17, tax of a category = its taxable amount × its rate, rounded. Norway: the same norm (EHF).
GB: VAT Notice 700, 17.5, lets an invoice trader round the total. CH: no rule, as the norm (5 centimes are for cash only).
JP: Consumption Tax Act Enforcement Order art. 70-10, a fraction is rounded once per rate on a qualified invoice.
US: Streamlined Sales and Use Tax Agreement s. 324, per item or per invoice as the seller elects, state and local together.
CA: Excise Tax Act s. 165.2, on the total of the invoice. AU: GST Act 1999 s. 9-90(2)(a), the total invoice rule.
IN: CGST Act s. 170 speaks of what is paid, not of an invoice; per rate, as invoices show it."""


class UnitedStatesRate(StrEnum):
    state = "state"
    """The state's own rate only: never too much, often too little."""
    combined = "combined"
    """The state's rate with the population-weighted average of its local rates."""


class TaxSettings(StrictValue):
    """`scopes` overrides the scope by country; `proof_days` is how old a register's answer may be on the day of the supply.

    `services_abroad` is the code of a service that a seller in the Union supplies outside it: O is what the law says (arts.
    44 and 59); G is what many buyers' systems expect, since EN 16931 forbids O beside other codes (BR-O-11).
    `united_states_rate`: rates by street address are not in the table, an external tax engine has them.
    """

    rounding: Rounding = Rounding.half_up
    scopes: dict[CountryCode, Scope] = {}
    proof_days: Annotated[int, Field(ge=1, le=3660)] = 365
    services_abroad: Literal[TaxCategory.outside_scope, TaxCategory.export] = TaxCategory.outside_scope
    united_states_rate: UnitedStatesRate = UnitedStatesRate.combined

    def scope(self, jurisdiction: Jurisdiction) -> Scope:
        """What is rounded once for a tax owed to `jurisdiction`: per category where nothing else is known."""
        return self.scopes.get(jurisdiction.country) or SCOPES.get(jurisdiction.country, Scope.category)
