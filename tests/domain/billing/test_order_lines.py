"""What an order's items come to with coupons and tax, and the invoice over those that were fulfilled."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.billing.calendar import Period
from domain.billing.order_lines import explained_lines, invoice_draft, with_dues
from domain.billing.tax.decisions import AppliedRate, TaxCategory, TaxDecision, Treatment
from domain.billing.tax.jurisdictions import Jurisdiction
from domain.orders import Order
from tests.domain.billing.test_discounts import amount, percent
from tests.domain.samples import NOW, catalogue, eur, item, order, plan, price, product

GERMANY = Jurisdiction(country="DE")
NINETEEN = TaxDecision(
    treatment=Treatment.taxed,
    category=TaxCategory.standard,
    place=GERMANY,
    rates=(AppliedRate(jurisdiction=GERMANY, tax="VAT", percent=Decimal(19)),),
)
HALF_A_EURO = {"kind": "recurring", "name": "Sticker", "unit_amount": "0.50"}
STICKERS = catalogue([product("sticker")], [plan("one", "sticker")], [price("one", "EUR", HALF_A_EURO)])
CRM, REPORTS = item(), item("2", "reports", "reports-basic")


def taxed(frozen: Order, **changes: object) -> Order:
    products = {each.product.id: NINETEEN for each in frozen.items}
    return with_dues(frozen.model_copy(update={"taxes": products, **changes}))


def dues(frozen: Order) -> list[int]:
    return [each.due.minor for each in frozen.items]


def two_stickers() -> Order:
    return order(item("1", "sticker", "one"), item("2", "sticker", "one"), sold=STICKERS)


def test_tax_is_rounded_for_the_whole_order_and_its_parts_add_up() -> None:
    # 19 % of 1.00 is 0.19, of which one item bears 0.10 and the other 0.09
    assert dues(taxed(two_stickers())) == [60, 59]


def test_what_was_fulfilled_in_part_is_taxed_as_the_invoice_over_it() -> None:
    # 19 % of 0.50 alone is 0.095, so 0.10: the second item then comes to 0.60
    part = with_dues(taxed(two_stickers()), ["2"])

    assert part.items[1].due == eur(60)
    assert invoice_draft(part, ["2"], NOW, NOW.date()).invoice.gross == eur(60)


def test_coupons_come_off_before_tax() -> None:
    # 10 % off 19.00, 50.00 and 7.50 leaves 17.10, 45.00 and 6.75; 19 % of all 68.85 is 13.08, and of each 3.249, 8.55, 1.2825,
    # of which the first is rounded up: 62.10 + 3.25 + 8.55 and 6.75 + 1.28
    discounted = taxed(order(CRM, REPORTS), coupons=[percent("10")])

    assert dues(discounted) == [7390, 803]
    assert discounted.total == eur(8193)


def test_an_amount_off_an_order_stays_whole_where_only_a_part_is_fulfilled() -> None:
    whole = with_dues(order(CRM, REPORTS).model_copy(update={"coupons": [amount(500)]}))
    part = with_dues(whole, ["2"])

    assert whole.total == eur(7150)
    assert part.items[1].due == eur(250)  # 7.50 less 5.00


def test_an_order_without_coupons_and_tax_is_left_as_it_was() -> None:
    plain = order(CRM, REPORTS)

    assert with_dues(plain) is plain
    assert invoice_draft(plain, ["1", "2"], NOW, NOW.date()).invoice.gross == eur(7650)


def test_an_invoice_that_comes_to_other_than_was_captured_is_refused() -> None:
    first, second = taxed(two_stickers()).items
    odd = two_stickers().model_copy(update={"items": [first, second]})  # dues with tax, and no tax to charge them by

    with pytest.raises(ValueError, match=r"comes to 1\.00 EUR, the items of order O-1001 to 1\.19 EUR"):
        invoice_draft(odd, ["1", "2"], NOW, NOW.date())


def test_each_line_says_how_it_came_about() -> None:
    frozen = with_dues(order(item(quantity=3)).model_copy(update={"coupons": [percent("10", charges=["charge-1"])]}))
    seats, set_up = explained_lines(frozen, frozen.items[0])

    assert seats.explanation == "3 × 19.00 = 57.00, less 5.70 (P, 10 %), makes 51.30 EUR."
    assert set_up.explanation == "50.00 (flat) = 50.00 EUR."


def test_the_lines_of_an_order_have_keys_that_a_renewal_will_not_charge_again() -> None:
    frozen = order(CRM)
    lines = invoice_draft(frozen, ["1"], NOW, NOW.date()).invoice.lines

    assert [line.id for line in lines] == ["S-1001-1:1:charge-1:v1:period:0", "S-1001-1:1:charge-2:v1:period:0"]


def test_what_recurs_is_served_from_the_payment_on_and_what_is_charged_once_has_no_period() -> None:
    # from 31 January at noon: February has no 31st
    paid_at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    seats, set_up = invoice_draft(order(item()), ["1"], paid_at, paid_at.date()).invoice.lines

    assert seats.period == Period(start=paid_at, end=datetime(2026, 2, 28, 12, tzinfo=UTC))
    assert set_up.period is None
