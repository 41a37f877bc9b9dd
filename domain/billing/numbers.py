"""Document numbers: gapless per legal entity, kind of document and year; how one is written, read and missed."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.plans import Identifier
from domain.values import StrictValue, Value

LONGEST_NUMBER = 30
"""Some countries take fewer characters, India 16 (CGST Rules 2017, rule 46(b)); EN 16931 (BT-1) has no limit."""


class DocumentKind(StrEnum):
    invoice = "invoice"
    credit_note = "credit_note"


class NumberFormat(StrictValue):
    """How the numbers of one legal entity and kind of document look: `INV-2026-000042`.

    `{prefix}`, `{year}` and `{sequence}` may be used; `{sequence:06}` fills up with zeros and grows beyond them. The sequence
    starts again each year where the year is part of the number, and never otherwise, so that no number is given twice
    (Council Directive 2006/112/EC, article 226(2): a sequential number which uniquely identifies the invoice). The year begins
    with `first_month` and is called by the calendar year that it begins in: with 4, March 2027 is still in 2026.
    """

    legal_entity: Identifier
    kind: DocumentKind = DocumentKind.invoice
    prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,10}$", examples=["INV"])] = "INV"
    template: Annotated[str, Field(max_length=60)] = "{prefix}-{year}-{sequence:06}"
    first_month: Annotated[int, Field(ge=1, le=12)] = 1

    @model_validator(mode="after")
    def _usable(self) -> Self:
        fields = _fields(self.template)
        if fields.count("sequence") != 1 or not set(fields) <= {"prefix", "year", "sequence"} or fields.count("year") > 1:
            raise ValueError(
                "template: needs {sequence} once, and may use {prefix} and {year}: '{prefix}-{year}-{sequence:06}'"
            )
        if not re.fullmatch(r"[A-Za-z0-9/._-]{1,30}", written(self, 9999, 1)):
            raise ValueError("template: gives a number of other than 1 to 30 letters, digits and the signs / . _ -")
        if written(self, 2026, 1) + "0" == written(self, 2026, 10) and self.template.count("{year}{sequence") == 1:
            raise ValueError("template: needs something between {year} and {sequence}, or a fixed width such as {sequence:06}")
        return self

    @property
    def yearly(self) -> bool:
        return "year" in _fields(self.template)


@cache
def _fields(template: str) -> tuple[str, ...]:
    try:
        parsed = [(name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None]
    except ValueError:
        raise ValueError("template: has a brace without its partner") from None
    for name, spec in parsed:
        if spec and not (name == "sequence" and re.fullmatch(r"0[1-9][0-9]?", spec)):
            raise ValueError("template: only {sequence} takes a width, written as in {sequence:06}")
    return tuple(name for name, _ in parsed)


class NumberSequence(Value):
    """What is counted without gaps; the store keeps one row for each. `year` is 0 where the count never starts again."""

    legal_entity: str
    kind: DocumentKind
    year: int


def sequence_of(format_: NumberFormat, issue_date: date) -> NumberSequence:
    """The sequence that a document issued on this local date of the legal entity takes its number from."""
    begun = issue_date.year if issue_date.month >= format_.first_month else issue_date.year - 1
    year = begun if format_.yearly else 0
    return NumberSequence(legal_entity=format_.legal_entity, kind=format_.kind, year=year)


def written(format_: NumberFormat, year: int, sequence: int) -> str:
    """The `sequence`-th number of a year, counted from 1."""
    if sequence < 1:
        raise ValueError(f"sequence: is counted from 1, not {sequence}")
    number = format_.template.format(prefix=format_.prefix, year=f"{year:04}", sequence=sequence)
    if len(number) > LONGEST_NUMBER:
        raise ValueError(f"sequence: {number} is longer than {LONGEST_NUMBER} characters")
    return number


def read(format_: NumberFormat, number: str) -> tuple[int, int] | None:
    """(year, sequence) of a number, the year 0 where the format has none; None where it is no number of this format."""
    pattern = "".join(re.escape(text) + _pattern(format_, name) for text, name, _, _ in Formatter().parse(format_.template))
    found = re.fullmatch(pattern, number, re.ASCII)
    if found is None:
        return None
    year, sequence = int(found.groupdict().get("year") or 0), int(found["sequence"])
    return (year, sequence) if sequence >= 1 and written(format_, year, sequence) == number else None


def _pattern(format_: NumberFormat, name: str | None) -> str:
    return {None: "", "prefix": re.escape(format_.prefix), "year": r"(?P<year>\d{4})", "sequence": r"(?P<sequence>\d+)"}[name]


def missing(sequences: Iterable[int]) -> list[int]:
    """The numbers from 1 to the highest that are not there: empty where the series is gapless."""
    present = set(sequences)
    return [number for number in range(1, max(present, default=0)) if number not in present]
