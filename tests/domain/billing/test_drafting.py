"""A draft is discounted, then taxed, and comes out the same for a preview and for the commit."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from domain.billing.coupons import Coupon, Redemption
from domain.billing.drafting import Draft, DraftingSettings, draft
from domain.billing.gathering import Gathered, Group
from domain.billing.invoices import Funds, PaymentTerms, finalize
from domain.billing.lines import InvoiceLine
from domain.billing.tax.decisions import TaxDecision
from domain.errors import BadInput, Conflict
from tests.domain.billing.invoice_samples import NINETEEN
from tests.domain.billing.line_samples import line
from tests.domain.samples import NOW, eur

QUARTER_OFF = Coupon.model_validate({"id": "W", "name": "Welcome", "off": {"kind": "percent", "percent": "25"}})
TEN_OFF = Coupon.model_validate({"id": "T", "name": "Ten", "off": {"kind": "amount", "amount": eur(1000)}})
EIGHT_AND_A_QUARTER = NINETEEN.model_copy(
    update={"rates": (NINETEEN.rates[0].model_copy(update={"percent": Decimal("8.25")}),)},
)
ALL_OFF = Coupon.model_validate({"id": "F", "name": "Free", "off": {"kind": "percent", "percent": "100"}})


def held(coupon: Coupon) -> Redemption:
    return Redemption(key=f"{coupon.id}:c-1", coupon=coupon, customer="c-1", redeemed_at=NOW)


def gathered(*lines: InvoiceLine) -> Gathered:
    group = Group(customer="c-1", legal_entity="acme-de", currency="EUR")
    return Gathered(id="I-1", group=group, issue_date=date(2026, 3, 2), gathered_at=NOW, lines=lines)


def made(*lines: InvoiceLine, coupons: tuple[Coupon, ...] = (), decision: TaxDecision | None = NINETEEN) -> Draft:
    decisions: Mapping[str, TaxDecision] | None = None if decision is None else {each.id: decision for each in lines}
    return draft(gathered(*lines), [held(coupon) for coupon in coupons], decisions)


def test_the_order_of_things_comes_to_what_flexprice_shows() -> None:
    # Flexprice, "Billing calculation order": usage 80.00 and a fee of 20.00; 25 % off usage and 10.00 off: 70.00;
    # tax at 8.25 % = 5.775 → 5.78; credits of 5.00: 70.78 to pay
    usage_only = QUARTER_OFF.model_copy(update={"charges": ("calls",)})
    drafted = made(
        line(8000, charge="calls"),
        line(2000, charge="fee"),
        coupons=(usage_only, TEN_OFF),
        decision=EIGHT_AND_A_QUARTER,
    )

    issued = finalize(drafted.invoice, "N", Funds(balance=eur(0), prepaid=eur(500)), date(2026, 3, 2))

    assert drafted.invoice.taxed is not None
    assert (drafted.invoice.taxed.net, drafted.invoice.taxed.tax) == (eur(7000), eur(578))
    assert issued.amount_due == eur(7078)


def test_coupons_come_off_before_tax() -> None:
    # 100.00 − 25.00 = 75.00, 19 % = 14.25
    invoice = made(line(10000), coupons=(QUARTER_OFF,)).invoice

    assert invoice.gross == eur(8925)
    assert invoice.lines[0].explanation == "100.00, less 25.00 (Welcome, 25 %), makes 75.00 EUR."


def test_a_price_with_tax_has_it_taken_out_after_the_discount() -> None:
    # 119.00 − 29.75 = 89.25 with tax: 75.00 and 14.25
    taxed = made(line(11900, tax_inclusive=True), coupons=(QUARTER_OFF,)).invoice.taxed

    assert taxed is not None
    assert (taxed.net, taxed.tax, taxed.gross) == (eur(7500), eur(1425), eur(8925))


def test_a_coupon_is_used_up_by_the_draft_that_is_finalized_and_not_by_looking() -> None:
    coupon = held(QUARTER_OFF)

    first = draft(gathered(line(10000)), [coupon], {line(10000).id: NINETEEN})
    again = draft(gathered(line(10000)), [coupon], {line(10000).id: NINETEEN})

    assert again == first
    assert (coupon.periods_used, first.redemptions[0].periods_used) == (0, 1)


def test_without_a_tax_decision_it_waits_and_is_not_issued_untaxed() -> None:
    waiting = made(line(10000), decision=None).invoice

    assert waiting.taxed is None
    with pytest.raises(Conflict, match="waits for its tax"):
        finalize(waiting, "N", Funds(balance=eur(0), prepaid=eur(0)), date(2026, 3, 2))
    with pytest.raises(BadInput, match=r"lines\[0\].id: needs a tax decision"):
        draft(gathered(line(10000)), [], {})


def test_a_coupon_that_takes_everything_off_leaves_an_invoice_that_is_paid_at_once() -> None:
    drafted = made(line(10000), coupons=(ALL_OFF,))

    assert finalize(drafted.invoice, "N", Funds(balance=eur(0), prepaid=eur(0)), date(2026, 3, 2)).settled


def test_payment_terms_decide_the_due_date() -> None:
    settings = DraftingSettings(terms=PaymentTerms(net_days=30))

    assert draft(gathered(line(1)), [], None, settings).invoice.due_date == date(2026, 4, 1)
