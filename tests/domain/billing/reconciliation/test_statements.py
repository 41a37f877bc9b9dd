"""A line of a statement has one key, in whatever file it comes."""

from datetime import date

from domain.billing.reconciliation.statements import Entry, statement
from tests.domain.samples import eur

DAY = date(2026, 3, 2)


def entry(minor: int = 11900, remittance: str = "INV-2026-000042", day: date = DAY, reference: str = "") -> Entry:
    return Entry(amount=eur(minor), booked_on=day, value_on=day, reference=reference, remittance=remittance)


def keys(*entries: Entry, account: str = "main") -> list[str]:
    return [line.key for line in statement(account, entries).lines]


def test_the_same_line_has_the_same_key_in_overlapping_files() -> None:
    monday, tuesday, wednesday = (entry(day=date(2026, 3, day)) for day in (2, 3, 4))

    assert keys(monday, tuesday)[1] == keys(tuesday, wednesday)[0]


def test_equal_lines_of_one_day_are_as_many_as_they_are() -> None:
    first, second = keys(entry(), entry())

    assert first != second
    assert keys(entry())[0] == first


def test_the_banks_reference_is_the_key_whatever_the_text() -> None:
    assert keys(entry(reference="R-1", remittance="a")) == keys(entry(reference="R-1", remittance="b"))
    assert keys(entry(reference="R-1")) == ["main:2026-03-02:R-1:11900EUR"]


def test_two_lines_that_share_the_banks_reference_are_two() -> None:
    # a bank books its charge under the reference of the payment
    assert len(set(keys(entry(reference="R-1"), entry(-50, reference="R-1")))) == 2


def test_how_a_bank_wraps_a_text_does_not_matter() -> None:
    assert keys(entry(remittance="Rechnung INV-2026-000042")) == keys(entry(remittance="RECHNUNG INV-2026-\n 000042 "))


def test_account_date_amount_and_text_tell_lines_apart() -> None:
    different = [entry(), entry(11901), entry(remittance="other"), entry(day=date(2026, 3, 3))]

    assert len({*keys(*different), *keys(entry(), account="second")}) == 5


def test_what_moved_nothing_is_no_line() -> None:
    assert keys(entry(0), entry()) == keys(entry())


def test_texts_about_people_are_not_shown() -> None:
    shown = repr(statement("main", [entry(remittance="secret wish").model_copy(update={"counterparty": "Jane Doe"})]))

    assert "secret" not in shown
    assert "Jane" not in shown


def test_a_key_can_stand_in_an_address_whatever_the_banks_reference() -> None:
    assert keys(entry(reference="2026/03 A%1")) == ["main:2026-03-02:2026%2F03%20A%251:11900EUR"]
