"""An invoice: finalized once, never changed, and settled by what comes in."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.balance import CollectionSettings
from domain.billing.gathering import Gathered, Group
from domain.billing.invoice_states import OPEN
from domain.billing.invoices import (
    Funds,
    Invoice,
    PaymentTerms,
    aged,
    changed,
    credited,
    drafted,
    finalize,
    receive,
    returned,
    voided,
    written_off,
)
from domain.errors import Conflict
from tests.domain.billing.invoice_samples import invoice, issued, taxed
from tests.domain.billing.line_samples import line
from tests.domain.samples import NOW, eur

TODAY = date(2026, 3, 2)
DUE = date(2026, 3, 16)
LATE = date(2026, 3, 17)


def funds(balance: int = 0, prepaid: int = 0) -> Funds:
    return Funds(balance=eur(balance), prepaid=eur(prepaid))


def paid(minor: int, made: Invoice | None = None, today: date = TODAY) -> Invoice:
    return receive(made or issued(10000), eur(minor), today).invoice


def test_a_draft_has_no_number_and_is_due_nothing() -> None:
    made = invoice(10000)

    assert (made.state, made.number, made.amount_due, made.gross) == ("draft", None, eur(0), eur(11900))


def test_finalization_gives_the_number_and_the_dates_of_the_day() -> None:
    # net 14 from 2 March is 16 March; scheduled for the 2nd but finalized on the 5th, it is due on the 19th
    made = finalize(invoice(10000), "INV-2026-000001", funds(), TODAY)
    later = finalize(invoice(10000), "INV-2026-000001", funds(), date(2026, 3, 5))

    assert (made.state, made.number, made.issue_date, made.due_date) == ("finalized", "INV-2026-000001", TODAY, DUE)
    assert (later.issue_date, later.due_date) == (date(2026, 3, 5), date(2026, 3, 19))
    # 100.00 and 19 %
    assert made.amount_due == eur(11900)


def test_an_invoice_is_never_issued_untaxed_early_or_twice() -> None:
    with pytest.raises(Conflict, match="waits for its tax"):
        finalize(invoice(10000).model_copy(update={"taxed": None}), "N", funds(), TODAY)
    with pytest.raises(Conflict, match="is to be issued on 2026-03-02, not before"):
        finalize(invoice(10000), "N", funds(), TODAY - timedelta(days=1))
    with pytest.raises(Conflict, match="is finalized and was finalized as INV-2026-000001"):
        finalize(issued(10000), "N", funds(), TODAY)


@pytest.mark.money_case(29)
def test_an_invoice_of_zero_is_paid_at_once_and_activates() -> None:
    made = finalize(invoice(0), "N", funds(), TODAY)

    assert (made.state, made.settled, made.amount_due) == ("paid", True, eur(0))


def test_a_negative_invoice_becomes_customer_credit() -> None:
    # −10.00 and 19 %: 11.90 of credit
    made = finalize(invoice(-1000), "N", funds(), TODAY)

    assert made.state == "paid"
    assert made.settlement is not None
    assert made.settlement.to_balance == eur(1190)


def test_credit_that_covers_all_pays_at_once() -> None:
    # 119.00 = 100.00 of the balance and 19.00 prepaid
    made = finalize(invoice(10000), "N", funds(balance=10000, prepaid=1900), TODAY)

    assert made.state == "paid"


def test_too_little_to_collect_is_paid_and_carried_forward() -> None:
    # 0.40 and 19 % = 0.476 → 0.48, below 0.50
    made = finalize(invoice(40), "N", funds(), TODAY, CollectionSettings(minimum_collectable={"EUR": 50}))

    assert made.state == "paid"
    assert made.settlement is not None
    assert made.settlement.carried_forward == eur(48)


def test_payments_settle_it_step_by_step_and_the_rest_is_over() -> None:
    # 119.00: 100.00 leave 19.00; of 20.00 more, 1.00 is over
    first = receive(issued(10000), eur(10000), TODAY)
    second = receive(first.invoice, eur(2000), TODAY)

    assert (first.invoice.state, first.invoice.amount_due, first.over) == ("partially_paid", eur(1900), eur(0))
    assert (second.invoice.state, second.taken, second.over) == ("paid", eur(1900), eur(100))


def test_a_second_payment_of_a_paid_invoice_is_all_over() -> None:
    assert receive(paid(11900), eur(500), TODAY).over == eur(500)


def test_it_is_overdue_from_the_day_after_it_is_due() -> None:
    assert aged(issued(10000), DUE).state == "finalized"
    assert aged(issued(10000), LATE).state == "overdue"
    assert aged(paid(100), LATE).state == "overdue"
    assert paid(11900, aged(issued(10000), LATE), LATE).state == "paid"


def test_a_draft_does_not_age() -> None:
    assert aged(invoice(10000), LATE).state == "draft"


@pytest.mark.money_case(23)
def test_money_for_a_voided_invoice_is_refused_as_customer_credit() -> None:
    with pytest.raises(Conflict, match="is voided and takes no payment; keep it as customer credit"):
        receive(voided(issued(10000)), eur(11900), TODAY)
    with pytest.raises(Conflict, match="is draft and takes no payment"):
        receive(invoice(10000), eur(11900), TODAY)


@pytest.mark.parametrize("minor", [0, -1])
def test_a_payment_is_more_than_nothing(minor: int) -> None:
    with pytest.raises(ValueError, match="amount: a payment is more than zero"):
        receive(issued(10000), eur(minor), TODAY)


@pytest.mark.money_case(22)
def test_a_returned_debit_opens_it_again_weeks_later() -> None:
    back = returned(paid(11900), eur(11900), date(2026, 4, 20))

    assert (back.state, back.amount_due) == ("overdue", eur(11900))
    assert returned(paid(11900), eur(1900), TODAY).state == "partially_paid"
    assert returned(paid(11900), eur(11900), TODAY).state == "finalized"


@pytest.mark.parametrize("minor", [0, 10001])
def test_no_more_is_returned_than_was_paid(minor: int) -> None:
    with pytest.raises(ValueError, match=r"the 100\.00 EUR that were paid"):
        returned(paid(10000), eur(minor), TODAY)


def test_what_is_written_off_is_due_no_more_and_may_be_recovered() -> None:
    # 119.00 less 100.00 paid: 19.00 written off; 5.00 and then 20.00 come after all: 6.00 too much
    given_up = written_off(paid(10000))
    part = receive(given_up, eur(500), LATE)
    rest = receive(part.invoice, eur(2000), LATE)

    assert (given_up.state, given_up.amount_due, given_up.written_off) == ("uncollectible", eur(0), eur(1900))
    assert (part.invoice.state, part.invoice.written_off) == ("uncollectible", eur(1400))
    assert (rest.invoice.state, rest.invoice.written_off, rest.over) == ("paid", eur(0), eur(600))


def test_a_recovery_that_is_returned_is_written_off_again() -> None:
    recovered = receive(written_off(issued(10000)), eur(500), LATE).invoice

    back = returned(recovered, eur(500), LATE)

    assert (back.state, back.paid, back.written_off, back.amount_due) == ("uncollectible", eur(0), eur(11900), eur(0))


@pytest.mark.parametrize("made", [invoice(10000), voided(issued(10000)), paid(11900), written_off(issued(10000))])
def test_only_what_is_due_is_written_off(made: Invoice) -> None:
    with pytest.raises(Conflict, match="has nothing to write off"):
        written_off(made)


def test_an_unpaid_invoice_is_voided_and_keeps_its_number() -> None:
    made = voided(issued(10000))

    assert (made.state, made.number, made.amount_due) == ("voided", "INV-2026-000001", eur(0))
    assert voided(made) == made
    assert voided(aged(issued(10000), LATE)).state == "voided"
    assert voided(invoice(10000)).number is None


@pytest.mark.parametrize(
    "made",
    [paid(1), paid(11900), credited(issued(10000), eur(1), TODAY), written_off(issued(10000)), issued(0)],
    ids=["part paid", "paid", "credited", "written off", "zero"],
)
def test_any_other_is_corrected_by_a_credit_note(made: Invoice) -> None:
    with pytest.raises(Conflict, match="issue a credit note instead"):
        voided(made)


def test_a_credit_note_takes_off_what_is_due() -> None:
    assert credited(issued(10000), eur(900), TODAY).amount_due == eur(11000)
    assert credited(issued(10000), eur(11900), TODAY).state == "paid"
    with pytest.raises(ValueError, match=r"the 119\.00 EUR that are due"):
        credited(issued(10000), eur(11901), TODAY)


def test_nothing_of_the_document_changes_after_finalization() -> None:
    before = issued(10000)

    for after in (paid(100, before), aged(before, LATE), voided(before), written_off(before), credited(before, eur(1), TODAY)):
        assert changed(before, after) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"number": "INV-2026-000002"}, ["number"]),
        ({"due_date": LATE, "customer": "c-2"}, ["customer", "due_date"]),
        ({"lines": ()}, ["lines"]),
        ({"taxed": None}, ["taxed"]),
    ],
)
def test_a_change_of_the_document_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    assert changed(issued(10000), issued(10000).model_copy(update=changes)) == fields


def test_a_draft_may_still_change() -> None:
    assert changed(invoice(10000), invoice(20000)) == []


def test_mixed_currencies_are_refused_by_field() -> None:
    lines = (line(100), line(100, charge="fee", currency="USD"))

    with pytest.raises(ValidationError, match=r"lines\[1\].amount: is in USD, the invoice in EUR"):
        Invoice.model_validate(invoice(10000).model_dump() | {"lines": lines, "taxed": None})


def test_a_line_is_on_an_invoice_once() -> None:
    with pytest.raises(ValidationError, match="lines: a line is charged once, but an id is there twice"):
        Invoice.model_validate(invoice(10000).model_dump() | {"lines": (line(100), line(100)), "taxed": None})


def test_taxes_are_those_of_the_lines() -> None:
    other = (line(5000, charge="fee"), line(5000, charge="other"))

    with pytest.raises(ValidationError, match=r"taxed: has 2 lines, the invoice 1"):
        Invoice.model_validate(invoice(10000).model_dump() | {"taxed": taxed(other)})
    with pytest.raises(ValidationError, match=r"taxed.lines\[0\].id: is S-1:1:fee:v1:period:0"):
        Invoice.model_validate(invoice(10000).model_dump() | {"taxed": taxed(other[:1])})


def test_a_draft_is_due_net_days_after_its_scheduled_date() -> None:
    group = Group(customer="c-1", legal_entity="acme-de", currency="EUR")
    gathered = Gathered(id="x:invoice", group=group, issue_date=TODAY, gathered_at=NOW, lines=(line(100),))

    assert drafted(gathered, PaymentTerms(net_days=30)).due_date == date(2026, 4, 1)
    assert drafted(gathered, PaymentTerms(net_days=0)).due_date == TODAY


def test_an_invoice_is_read_back_as_it_was_stored() -> None:
    assert Invoice.model_validate_json(paid(100).model_dump_json()) == paid(100)


def test_an_open_item_is_what_is_still_due() -> None:
    item = paid(1900).open_item()

    assert (item.number, item.due_date, item.amount_due) == ("INV-2026-000001", DUE, eur(10000))


MOVES = st.lists(st.tuples(st.sampled_from(["pay", "return", "credit", "age", "write off", "void"]), st.integers(1, 15000)))


@given(st.integers(-500, 10000), MOVES)
def test_whatever_happens_gross_is_accounted_for_to_the_cent(net: int, moves: list[tuple[str, int]]) -> None:
    made, over = issued(net), 0
    for verb, minor in moves:
        try:
            made, over = _play(made, over, verb, minor)
        except (Conflict, ValueError):
            continue
        assert made.settlement is not None
        accounted = made.paid + made.credited + made.written_off + made.amount_due
        assert made.state == "voided" or accounted == made.settlement.amount_due
        assert (made.state in OPEN) == (made.amount_due.minor > 0)
        assert changed(issued(net), made) == []


def _play(made: Invoice, over: int, verb: str, minor: int) -> tuple[Invoice, int]:
    if verb == "pay":
        result = receive(made, eur(minor), TODAY)
        return result.invoice, over + result.over.minor
    if verb == "return":
        return returned(made, eur(minor), TODAY), over
    if verb == "credit":
        return credited(made, eur(minor), TODAY), over
    if verb == "age":
        return aged(made, TODAY + timedelta(days=minor % 30)), over
    return (written_off(made) if verb == "write off" else voided(made)), over
