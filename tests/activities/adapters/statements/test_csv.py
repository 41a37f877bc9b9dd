"""CSV statements in the columns that a format names; what is wrong is named by line and column."""

from datetime import date

import pytest
from pydantic import ValidationError

from activities.adapters.statements.csv import FORMATS, GENERIC, StatementFormat, read
from domain.errors import BadInput
from domain.money import Money
from tests.domain.samples import eur

HEADER = "date,value_date,amount,currency,reference,text,counterparty\n"
LINE = "2026-03-02,2026-03-03,1234.50,EUR,R-1,INV-2026-000042,Jane Doe\n"


def generic(*lines: str) -> bytes:
    return (HEADER + "".join(lines)).encode()


def refused(data: bytes, layout: StatementFormat = GENERIC) -> BadInput:
    with pytest.raises(BadInput) as error:
        read(data, "main", layout)
    return error.value


def test_a_line_is_read_whole() -> None:
    [line] = read(generic(LINE), "main", GENERIC).lines

    assert (line.amount, line.booked_on, line.value_on) == (eur(123450), date(2026, 3, 2), date(2026, 3, 3))
    assert (line.reference, line.remittance, line.counterparty) == ("R-1", "INV-2026-000042", "Jane Doe")
    assert line.key == "main:2026-03-02:R-1:123450EUR"


def test_a_bank_with_commas_semicolons_and_its_own_dates_and_letters() -> None:
    text = (
        '"Buchungstag";"Valutadatum";"Betrag";"Waehrung";"Verwendungszweck";"Beguenstigter/Zahlungspflichtiger"\r\n'
        '"02.03.26";"03.03.26";"-1.234,50";"EUR";"Gebühr";"Müller"\r\n'
    )
    [line] = read(text.encode("cp1252"), "main", FORMATS["german-bank"]).lines

    assert (line.amount, line.booked_on, line.remittance) == (eur(-123450), date(2026, 3, 2), "Gebühr")


def test_stripes_report_has_small_currencies_and_no_decimals_for_yen() -> None:
    text = (
        "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,description\n"
        "txn_1,2026-03-02 10:00:00,eur,119.00,3.10,115.90,charge,ch_1,O-1001\n"
        "txn_2,2026-03-02 11:00:00,jpy,-500,0,-500,refund,re_1,\n"
    )
    first, second = read(text.encode(), "stripe", FORMATS["stripe"]).lines

    assert (first.amount, first.reference, first.remittance) == (eur(11900), "txn_1", "O-1001")
    assert second.amount == Money(minor=-500, currency="JPY")


def test_debit_and_credit_may_have_columns_of_their_own() -> None:
    layout = StatementFormat(booked_on="date", credit="in", debit="out", currency="EUR")
    lines = read(b"date,in,out\n2026-03-02,5.00,\n2026-03-02,,7.00\n2026-03-02,,-8.00\n", "main", layout).lines

    assert [line.amount for line in lines] == [eur(500), eur(-700), eur(-800)]


def test_only_chosen_lines_are_read() -> None:
    layout = GENERIC.model_copy(update={"only": {"text": ("INV-2026-000042",)}})

    assert len(read(generic(LINE, LINE.replace("000042", "000043")), "main", layout).lines) == 1


def test_a_text_may_have_line_breaks_and_empty_lines_are_passed_over() -> None:
    lines = read(generic(LINE.replace("INV-2026-000042", '"INV-2026-\n000042"'), "\n", LINE), "main", GENERIC).lines

    assert len(lines) == 2


@pytest.mark.parametrize(
    ("data", "field", "says"),
    [
        (b"", "file", "empty"),
        (b"date,value_date\n", "line 1", "among them 'amount'"),
        (generic("2026-03-02,2026-03-02,1.00\n"), "line 2", "needs 7 columns as line 1 names them, not 3"),
        (generic(LINE, LINE.replace("2026-03-02", "02.03.2026")), "line 3, column date", "a date such as 2026-03-31"),
        (generic(LINE.replace("1234.50", '"1.234,50"')), "line 2, column amount", "an amount such as 1234.50"),
        (generic(LINE.replace("1234.50", "")), "line 2, column amount", "an amount such as 1234.50"),
        (generic(LINE.replace("1234.50", "NaN")), "line 2, column amount", "an amount such as 1234.50"),
        (generic(LINE.replace("1234.50", "1234.505")), "line 2, column amount", "at most 2 decimals"),
        (generic(LINE.replace("1234.50", "9" * 30)), "line 2, column amount", "within"),
        (generic(LINE.replace("EUR", "EURO")), "line 2, column amount", "ISO 4217"),
        (generic('"2026-03-02\n'), "line 2", "is no CSV"),
        (generic(LINE).replace(b"Jane", b"J\xfcne"), "line 2", "is not written in utf-8-sig"),
        (generic(LINE).replace(b"Jane", b"J\0ne"), "file", "zero bytes"),
        (b"text," + generic(LINE), "line 1", "'text' more than once"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_would_be_right(data: bytes, field: str, says: str) -> None:
    error = refused(data)

    assert error.field == field
    assert says in error.message


def test_an_error_shows_nothing_of_what_was_paid() -> None:
    error = refused(generic(LINE.replace("1234.50", "secret")))

    assert "secret" not in str(error)
    assert "Jane" not in str(error)


@pytest.mark.parametrize(
    "columns", [{"currency": "EUR"}, {"amount": "a"}, {"amount": "a", "credit": "b", "debit": "c", "currency": "EUR"}]
)
def test_a_format_says_where_amount_and_currency_are(columns: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="name th"):
        StatementFormat.model_validate({"booked_on": "date", **columns})
