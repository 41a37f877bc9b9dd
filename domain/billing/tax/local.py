"""The taxes of the place itself: one VAT, the two or three taxes of Canada and India, or a US state's sales tax."""

from domain.billing.tax.cases import Case, applied, percent, taxed, unregistered, untaxed
from domain.billing.tax.decisions import AppliedRate, TaxDecision, Treatment
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.errors import BadInput, NotFound

SALES_TAX = "sales tax"


def tax_of_place(case: Case, why: str = "", through_scheme: bool = False) -> TaxDecision:
    """What the seller charges by the rules of the place, where it is registered there or `through_scheme` (one-stop shop)."""
    country = case.place.jurisdiction.country
    if country in ("US", "CA") and not case.registered_within(country):
        return unregistered(case, case.place.registration)
    if country == "US":
        return _united_states(case, why)
    if country == "CA":
        return _canada(case, why)
    if not through_scheme and not case.registered(case.place.registration):
        return unregistered(case, case.place.registration)
    if country == "IN":
        return taxed(case, _india(case), why)
    return taxed(case, (applied(case.rate(case.place.jurisdiction)),), why)


def _united_states(case: Case, why: str) -> TaxDecision:
    """Sales tax where the seller is registered and the state taxes the supply. BadInput where the state is not known.

    One rate stands for state and local taxes together: the Streamlined Sales and Use Tax Agreement, s. 324, has them rounded
    together, and the local part is an average (see `UnitedStatesRate`)."""
    state = case.place.jurisdiction
    if state.region is None:
        raise BadInput("buyer.region", "must be a state such as 'NY', since sales tax differs between states")
    if not case.registered(state):
        return unregistered(case, state)
    rule = case.table.taxability(state, SALES_TAX, case.supply.category, case.buyers, case.at)
    if rule is None:
        raise NotFound("taxability", f"{case.supply.category} in {state} on {case.at}")
    if not rule.taxable:
        reason = f"{state} does not tax this supply ({case.supply.category}, {case.buyers})"
        return untaxed(case, Treatment.not_taxable, reason, f"{reason}: {rule.source}")
    rate = case.table.rate(state, rule.category or case.settings.united_states_rate, case.at, SALES_TAX)
    if not rate.percent:
        return untaxed(case, Treatment.not_taxable, f"{state} has no sales tax")
    part = "" if rule.base_percent == 100 else f"on {percent(rule.base_percent)} of the amount"
    return taxed(case, (applied(rate, base_percent=rule.base_percent),), ", ".join(filter(None, [part, rule.note, why])))


def _canada(case: Case, why: str) -> TaxDecision:
    """HST in the participating provinces, else GST and the province's own tax; each where the seller is registered for it.

    The province is that of the buyer's address (New Harmonized Value-added Tax System Regulations, part 1, s. 13 to 17).
    None is levied on another: the price for QST excludes GST since 2013 (Act respecting the QST, s. 16)."""
    province = case.place.jurisdiction
    if province.region is None:
        raise BadInput("buyer.region", "must be a province such as 'ON', since GST, HST and provincial taxes differ")
    federal = case.place.registration
    harmonized = case.table.find(province, "standard", case.at, "HST")
    rates = []
    if case.registered(federal):
        rates.append(applied(harmonized or case.rate(federal, "GST")))
    if harmonized is None and case.registered(province):
        rates += _provincial(case, province)
    if not rates:
        return unregistered(case, federal)
    return taxed(case, tuple(rates), why)


def _provincial(case: Case, province: Jurisdiction) -> list[AppliedRate]:
    """The province's own tax, where it has one that covers the supply: QST, PST or RST."""
    rate = case.table.find(province, "standard", case.at)
    if rate is None:
        return []
    rule = case.table.taxability(province, rate.tax, case.supply.category, case.buyers, case.at)
    if rule is None:
        return [applied(rate)]
    return [applied(rate, base_percent=rule.base_percent)] if rule.taxable else []


def _india(case: Case) -> tuple[AppliedRate, ...]:
    """IGST between states and from abroad; CGST and SGST, half each, within one (IGST Act 2017, s. 7 and 8).

    A buyer without an address on record is taken to be where the supplier is (s. 12(2)(b))."""
    nation = case.place.registration
    home = case.seller.region if case.domestic else None
    state = case.place.jurisdiction.region or home
    if home is None or state != home:
        return (applied(case.rate(nation, "IGST")),)
    within = Jurisdiction(country="IN", region=state)
    return applied(case.rate(nation, "CGST")), applied(case.rate(nation, "SGST"), owed_to=within)
