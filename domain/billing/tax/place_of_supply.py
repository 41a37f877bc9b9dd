"""Who is taxed where: the place of supply of services, and who accounts for the tax."""

from datetime import date

from domain.billing.tax.cases import Case, taxed
from domain.billing.tax.decisions import TaxCategory, TaxDecision, Treatment
from domain.billing.tax.jurisdictions import ordinary
from domain.billing.tax.local import tax_of_place
from domain.billing.tax.parties import Party, Seller, VatCheck
from domain.billing.tax.rates import TaxTable
from domain.billing.tax.settings import TaxSettings
from domain.billing.tax.supplies import Supply, SupplyCategory
from domain.errors import Conflict

_TAXES_ALL_ONCE_REGISTERED = frozenset({"CH", "LI"})
"""A foreign seller registered in Switzerland taxes businesses too: the buyer accounts for tax only where the seller is not
registered (Swiss VAT Act, art. 45(1)(a)). Elsewhere businesses account for it themselves: GB VAT Act 1994 s. 8, NO VAT Act
§ 11-3, JP Consumption Tax Act art. 4 and 5 (business-oriented electronic services), AU GST Act s. 9-25(7) and 84, IN
notification 10/2017 (IGST), CA Excise Tax Act s. 211.1 (recipients with a GST/HST number)."""

_CONSUMERS_TAXED_AT_ORIGIN = frozenset({"GB"})
_OUTSIDE_SCOPE_ABROAD = frozenset({"GB", "US"})


def decide(
    supply: Supply, seller: Seller, buyer: Party, at: date, table: TaxTable, settings: TaxSettings | None = None
) -> TaxDecision:
    """The tax of one supply on the day `at`, local to the place of supply.

    Raises BadInput where the buyer's state or province is needed and missing, NotFound where the table knows no rate, and
    Conflict where a seller in the Union owes VAT to a member state and is in no scheme to pay it: nothing is left untaxed
    in silence."""
    origin = table.place(seller.country, seller.region, seller.postcode)
    place = table.place(buyer.country, buyer.region, buyer.postcode)
    if place.local_sellers_only and place != origin:
        place = ordinary(buyer.country, buyer.region)
    case = Case(
        supply=supply,
        seller=seller,
        buyer=buyer,
        at=at,
        table=table,
        settings=settings or TaxSettings(),
        origin=origin,
        place=place,
    )
    return _with_certificates(_place(case), case)


def _place(case: Case) -> TaxDecision:
    if case.supply.category is SupplyCategory.exempt:
        return _exempt(case)
    if case.place.untaxed:
        return _abroad(case, f"{case.place.jurisdiction} is outside every tax area")
    if case.domestic:
        return tax_of_place(case, "domestic")
    if case.origin.in_union and case.place.in_union:
        return _within_union(case)
    return _across_borders(case)


def _within_union(case: Case) -> TaxDecision:
    """Between two member states: Directive 2006/112/EC, art. 44 and 196 for businesses, 45, 58 and 59c for consumers."""
    if case.buyer.proven(case.at, case.settings.proof_days):
        return _reverse_charge(case)
    doubt = _doubt(case)
    if case.supply.category is SupplyCategory.service:
        return tax_of_place(case.at_home(), f"services to consumers are taxed where the seller is (art. 45){doubt}")
    if case.seller.below_threshold:
        return tax_of_place(case.at_home(), f"below 10,000 EUR a year to other member states (art. 59c){doubt}")
    if not case.seller.one_stop_shop and not case.registered(case.place.registration):
        raise Conflict(
            f"{case.seller.legal_entity} owes VAT to {case.place.jurisdiction} for a consumer there: register it there, put it "
            "into the one-stop shop, or say that it is below the threshold of 10,000 EUR"
        )
    return tax_of_place(case, f"consumer in {case.place.jurisdiction} (art. 58){doubt}", case.seller.one_stop_shop)


def _across_borders(case: Case) -> TaxDecision:
    """Between tax areas: the place's own tax where the seller is registered for it, and an export otherwise."""
    country = case.place.jurisdiction.country
    if _accounts_itself(case):
        accounts = case.place.in_union or case.registered(case.place.registration)
        return _reverse_charge(case) if accounts else _abroad(case, f"a business in {country} accounts for tax itself")
    if _taxed_at_origin(case):
        return tax_of_place(case.at_home(), f"services to consumers are taxed where the seller is{_doubt(case)}")
    scheme = case.place.in_union and case.seller.one_stop_shop
    local = tax_of_place(case, f"supplied to {case.place.jurisdiction} from abroad{_doubt(case)}", scheme)
    if local.treatment is Treatment.not_registered and not _obliged(case):
        return _abroad(case, f"{case.seller.legal_entity} is not registered there")
    return local


def _obliged(case: Case) -> bool:
    """Whether the place wants foreign sellers to register from the first sale to a consumer, or may want it.

    A business outside the Union is left to account for itself; a US state wants it only from economic nexus on, which the
    seller's registrations express."""
    business = case.buyer.business and not case.place.in_union
    known = case.table.find(case.place.registration, "standard", case.at) is not None
    return known and not business and case.place.jurisdiction.country != "US"


def _accounts_itself(case: Case) -> bool:
    """A buyer in the Union needs a proof that its number is registered; elsewhere a number of the right form is enough.

    Sales tax knows no such thing, and some countries only where the seller is not registered."""
    country = case.place.jurisdiction.country
    if country == "US" or (country in _TAXES_ALL_ONCE_REGISTERED and case.registered(case.place.registration)):
        return False
    if case.place.in_union:
        return case.buyer.proven(case.at, case.settings.proof_days)
    return case.buyer.business and case.buyer.vat_id is not None


def _taxed_at_origin(case: Case) -> bool:
    """Directive art. 45 and 59, and VAT Act 1994 s. 7A(2)(b): a service to a consumer is taxed at home, electronic ones and
    those listed in art. 59 apart. A business that did not prove itself counts as a consumer only inside the Union."""
    keeps = case.origin.in_union or case.seller.country in _CONSUMERS_TAXED_AT_ORIGIN
    consumer = not case.buyer.business
    return keeps and consumer and case.supply.category is SupplyCategory.service and not case.supply.listed_in_article_59


def _reverse_charge(case: Case) -> TaxDecision:
    proof = case.buyer.vat_id_proof
    evidence = ""
    if proof is not None:
        number = f", consultation {proof.consultation}" if proof.consultation else ""
        evidence = f" (checked with {proof.service} on {proof.checked_at.date()}{number})"
    union = case.place.in_union
    law = " under Article 196 of Directive 2006/112/EC" if union else ""
    return TaxDecision(
        treatment=Treatment.reverse_charge,
        category=TaxCategory.reverse_charge,
        place=case.place.jurisdiction,
        reason_code="VATEX-EU-AE" if union else None,
        reason="Reverse charge",
        note=f"Reverse charge: {case.buyer.vat_id} accounts for the tax of {case.place.jurisdiction}{law}{evidence}",
    )


def _abroad(case: Case, why: str) -> TaxDecision:
    """Not taxed where the seller is. Outside the scope in the Union (art. 44, 58, 59), Britain and the United States; elsewhere
    an export, zero-rated or exempt with credit (CH VAT Act art. 8, NO § 6-22, AU s. 38-190, JP art. 7, IN IGST Act s. 16, CA
    schedule VI part V s. 7)."""
    union = case.origin.in_union
    if union:
        code = TaxCategory(case.settings.services_abroad)
    else:
        code = TaxCategory.outside_scope if case.seller.country in _OUTSIDE_SCOPE_ABROAD else TaxCategory.export
    scope = code is TaxCategory.outside_scope
    return TaxDecision(
        treatment=Treatment.export,
        category=code,
        place=case.place.jurisdiction,
        reason_code=f"VATEX-EU-{code}" if union else None,
        reason="Not subject to tax: supplied outside its territory" if scope else "Export of a service",
        note=f"No tax: supplied to {case.place.jurisdiction}, {why}",
    )


def _exempt(case: Case) -> TaxDecision:
    reason = case.supply.exemption_reason or "Exempt"
    return TaxDecision(
        treatment=Treatment.exempt,
        category=TaxCategory.exempt,
        place=case.place.jurisdiction,
        reason_code=case.supply.exemption_code,
        reason=reason,
        note=f"Exempt: {reason}",
    )


def _with_certificates(decision: TaxDecision, case: Case) -> TaxDecision:
    """Without the taxes that a certificate of the buyer frees it from; exempt where none is left."""
    free = [
        certificate
        for certificate in case.buyer.exemptions
        if any(certificate.frees(rate.jurisdiction, rate.tax, case.at) for rate in decision.rates)
    ]
    if not free:
        return decision
    left = tuple(
        rate for rate in decision.rates if not any(paper.frees(rate.jurisdiction, rate.tax, case.at) for paper in free)
    )
    papers = "; ".join(f"certificate {paper.certificate} of {paper.jurisdiction}: {paper.reason}" for paper in free)
    if left:
        return taxed(case, left, papers)
    return TaxDecision(
        treatment=Treatment.exempt,
        category=TaxCategory.exempt,
        place=decision.place,
        reason_code=free[0].code,
        reason=free[0].reason,
        note=f"Exempt by {papers}",
    )


def _doubt(case: Case) -> str:
    """Why a business is taxed like a consumer."""
    if not case.buyer.business:
        return ""
    proof = case.buyer.vat_id_proof
    if case.buyer.vat_id is None:
        return "; the business gave no VAT id"
    if proof is None:
        return f"; {case.buyer.vat_id} was not checked"
    if proof.result is VatCheck.unavailable:
        return f"; {case.buyer.vat_id} could not be checked, {proof.service} did not answer on {proof.checked_at.date()}"
    if proof.result is VatCheck.invalid:
        return f"; {proof.service} does not know {case.buyer.vat_id}"
    return f"; the proof for {case.buyer.vat_id} is too old or for another number"
