"""Statements as CSV, in the columns that a format names."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from activities.adapters.statements.bounds import MOST_LINES, check_size, money
from domain.billing.reconciliation.statements import Entry, Statement, statement
from domain.errors import BadInput
from domain.money import Money
from domain.values import StrictValue

Column = Annotated[str, Field(min_length=1, max_length=80)]


class StatementFormat(StrictValue):
    """How a bank or gateway writes its CSV. The columns are named as in its first line.

    Money that came in is positive in the `amount` column, or stands in `credit` while `debit` has what went out. `currency` is
    for the whole file where there is no column for it, and `only` has the values of columns by which lines are chosen.
    """

    delimiter: Annotated[str, Field(pattern=r"^[,;|:\t]$")] = ","
    encoding: Annotated[str, Field(pattern=r"^(utf-8-sig|utf-8|iso-8859-1|iso-8859-15|cp1252)$")] = "utf-8-sig"
    date_format: Annotated[str, Field(pattern=r"^(%[YymdHMS]|[ T./:-]){1,20}$", examples=["%d.%m.%Y"])] = "%Y-%m-%d"
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] = "."
    booked_on: Column
    value_on: Column | None = None
    amount: Column | None = None
    credit: Column | None = None
    debit: Column | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    currency_column: Column | None = None
    reference: Column | None = None
    remittance: tuple[Column, ...] = ()
    counterparty: Column | None = None
    only: dict[Column, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if (self.amount is None) == (self.credit is None or self.debit is None):
            raise ValueError("amount: name this column, or those of credit and debit")
        if (self.currency is None) == (self.currency_column is None):
            raise ValueError("currency: name the currency, or the column that has it")
        return self

    def columns(self) -> set[str]:
        single = {self.booked_on, self.value_on, self.amount, self.credit, self.debit, self.currency_column}
        named = {*single, self.reference, self.counterparty, *self.remittance, *self.only}
        return {column for column in named if column is not None}


GENERIC = StatementFormat(
    booked_on="date",
    value_on="value_date",
    amount="amount",
    currency_column="currency",
    reference="reference",
    remittance=("text",),
    counterparty="counterparty",
)

GERMAN_BANK = StatementFormat(
    delimiter=";",
    encoding="cp1252",
    date_format="%d.%m.%y",
    decimal=",",
    booked_on="Buchungstag",
    value_on="Valutadatum",
    amount="Betrag",
    currency_column="Waehrung",
    remittance=("Verwendungszweck",),
    counterparty="Beguenstigter/Zahlungspflichtiger",
)
"""The CSV-CAMT export that German savings banks offer."""

STRIPE = StatementFormat(
    date_format="%Y-%m-%d %H:%M:%S",
    booked_on="created_utc",
    amount="gross",
    currency_column="currency",
    reference="balance_transaction_id",
    remittance=("description",),
)
"""Stripe's report `balance_change_from_activity.itemized.3`: amounts in major units, currencies in small letters."""

FORMATS: dict[str, StatementFormat] = {"generic": GENERIC, "german-bank": GERMAN_BANK, "stripe": STRIPE}


def read(data: bytes, account: str, layout: StatementFormat) -> Statement:
    """Raises BadInput naming line and column, as an editor counts them from 1, and what would be right."""
    check_size(data)
    return statement(account, _entries(_decoded(data, layout), layout))


def _decoded(data: bytes, layout: StatementFormat) -> str:
    try:
        text = data.decode(layout.encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(f"line {line}", f"is not written in {layout.encoding}; name the encoding of the file") from None
    if "\0" in text:
        raise BadInput("file", "has zero bytes, which no text has; a CSV file was expected")
    return text


def _entries(text: str, layout: StatementFormat) -> Iterator[Entry]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter, strict=True)
    header: list[str] | None = None
    try:
        for number, cells in enumerate(rows):
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, layout)
            elif number > MOST_LINES:
                raise BadInput("file", f"has more than {MOST_LINES} lines; send fewer days at a time")
            elif (row := _Row(rows.line_num, header, cells, layout)).wanted():
                yield row.entry()
    except csv.Error as error:
        raise BadInput(f"line {rows.line_num}", f"is no CSV with {layout.delimiter!r} between columns: {error}") from None
    if header is None:
        raise BadInput("line 1", "needs the names of the columns")


def _header(cells: list[str], layout: StatementFormat) -> list[str]:
    header = [cell.strip() for cell in cells]
    missing = sorted(layout.columns() - set(header))
    if missing:
        raise BadInput("line 1", f"needs the names of the columns, among them {missing[0]!r}")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise BadInput("line 1", f"has the column {twice!r} more than once")
    return header


class _Row:
    def __init__(self, line: int, header: list[str], cells: list[str], layout: StatementFormat) -> None:
        if len(cells) != len(header):
            raise BadInput(f"line {line}", f"needs {len(header)} columns as line 1 names them, not {len(cells)}")
        self._line = line
        self._cells: Mapping[str, str] = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        self._layout = layout

    def wanted(self) -> bool:
        return all(self._cells[column] in values for column, values in self._layout.only.items())

    def entry(self) -> Entry:
        layout = self._layout
        booked_on = self._date(layout.booked_on)
        return Entry(
            amount=self._amount(),
            booked_on=booked_on,
            value_on=self._date(layout.value_on) if self._cell(layout.value_on) else booked_on,
            reference=self._cell(layout.reference),
            remittance=" ".join(filter(None, (self._cell(column) for column in layout.remittance))),
            counterparty=self._cell(layout.counterparty),
        )

    def _cell(self, column: str | None) -> str:
        return "" if column is None else self._cells[column]

    def _at(self, column: str | None) -> str:
        return f"line {self._line}, column {column}"

    def _date(self, column: str | None) -> date:
        try:
            return datetime.strptime(self._cell(column), self._layout.date_format).date()  # noqa: DTZ007 - the bank's local day
        except ValueError:
            example = date(2026, 3, 31).strftime(self._layout.date_format)
            raise BadInput(self._at(column), f"needs a date such as {example}") from None

    def _amount(self) -> Money:
        layout = self._layout
        currency = self._cell(layout.currency_column).upper() or layout.currency or ""
        if layout.amount is not None:
            return money(self._at(layout.amount), self._number(layout.amount), currency)
        came = money(self._at(layout.credit), self._number(layout.credit) or "0", currency)
        went = money(self._at(layout.debit), self._number(layout.debit) or "0", currency)
        return came - went if went.minor > 0 else came + went

    def _number(self, column: str | None) -> str:
        """With a point for the decimals and without what groups the thousands, which has to be in threes."""
        cell = self._cell(column).replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "")
        group = "," if self._layout.decimal == "." else r"\."
        if not re.fullmatch(rf"[+-]?(\d{{1,3}}({group}\d{{3}})+|\d*)({re.escape(self._layout.decimal)}\d+)?", cell):
            raise BadInput(self._at(column), f"needs an amount such as 1234{self._layout.decimal}50")
        return cell.replace("." if group != "," else ",", "").replace(",", ".")
