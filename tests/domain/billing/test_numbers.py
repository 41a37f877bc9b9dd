"""Document numbers are written by the legal entity's format, read back, and their gaps found."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.numbers import DocumentKind, NumberFormat, missing, read, sequence_of, written


def number_format(**changes: Any) -> NumberFormat:
    return NumberFormat.model_validate({"legal_entity": "acme-de"} | changes)


@pytest.mark.parametrize(
    ("changes", "sequence", "number"),
    [
        ({}, 42, "INV-2026-000042"),
        ({}, 1234567, "INV-2026-1234567"),
        ({"prefix": "RE", "template": "{prefix}{year}/{sequence:04}"}, 7, "RE2026/0007"),
        ({"template": "{year}.{sequence}"}, 7, "2026.7"),
        ({"prefix": "CN", "template": "{prefix}-{sequence:03}"}, 12, "CN-012"),
    ],
)
def test_a_number_is_written_by_the_format(changes: dict[str, Any], sequence: int, number: str) -> None:
    assert written(number_format(**changes), 2026, sequence) == number


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("INV-2026-000042", (2026, 42)),
        ("INV-2026-1234567", (2026, 1234567)),
        ("INV-2026-42", None),
        ("INV-2026-000000", None),
        ("CN-2026-000042", None),
        ("inv-2026-000042", None),
        ("INV-2026-000042 ", None),
        ("INV-2026-00004²", None),
        ("", None),
    ],
)
def test_only_a_number_of_the_format_is_read(number: str, parts: tuple[int, int] | None) -> None:
    assert read(number_format(), number) == parts


@given(st.integers(1, 9999), st.integers(1, 10**9), st.sampled_from(["{prefix}-{year}-{sequence:06}", "{sequence}/{year}"]))
def test_what_was_written_is_read_back(year: int, sequence: int, template: str) -> None:
    format_ = number_format(template=template)

    assert read(format_, written(format_, year, sequence)) == (year, sequence)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{prefix}-{year}", "needs {sequence} once"),
        ("{sequence}-{sequence}", "needs {sequence} once"),
        ("{prefix}-{month}-{sequence}", "needs {sequence} once"),
        ("{prefix.x}-{sequence}", "needs {sequence} once"),
        ("{}-{sequence}", "needs {sequence} once"),
        ("{prefix}-{sequence:6}", "only {sequence} takes a width"),
        ("{prefix:9}-{sequence}", "only {sequence} takes a width"),
        ("{prefix}-{sequence", "a brace without its partner"),
        ("{prefix} {sequence}", "1 to 30 letters"),
        ("{prefix}-{year}-{sequence:030}", "30 characters"),
        ("{year}{sequence}", "something between"),
    ],
)
def test_a_template_that_cannot_number_is_refused(template: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        number_format(template=template)


def test_numbers_start_at_one_and_do_not_grow_too_long() -> None:
    with pytest.raises(ValueError, match="sequence: is counted from 1, not 0"):
        written(number_format(), 2026, 0)
    with pytest.raises(ValueError, match="longer than 30 characters"):
        written(number_format(), 2026, 10**22)


def test_each_legal_entity_kind_and_year_counts_for_itself() -> None:
    of = {
        sequence_of(number_format(legal_entity=entity, kind=kind), date(year, 12, 31)).model_dump_json()
        for entity in ("acme-de", "acme-us")
        for kind in DocumentKind
        for year in (2026, 2027)
    }

    assert len(of) == 8


def test_a_format_without_a_year_never_starts_again() -> None:
    format_ = number_format(template="{prefix}-{sequence:06}")

    assert sequence_of(format_, date(2026, 12, 31)) == sequence_of(format_, date(2027, 1, 1))
    assert sequence_of(format_, date(2027, 1, 1)).year == 0


def test_a_financial_year_is_called_by_the_year_it_begins_in() -> None:
    indian = number_format(first_month=4)

    assert [sequence_of(indian, day).year for day in (date(2026, 3, 31), date(2026, 4, 1), date(2027, 3, 31))] == [
        2025,
        2026,
        2026,
    ]


@pytest.mark.parametrize(
    ("present", "gaps"), [([], []), ([1], []), ([3, 1, 2], []), ([1, 2, 5], [3, 4]), ([2], [1]), ([2, 2, 4], [1, 3])]
)
def test_gaps_are_found(present: list[int], gaps: list[int]) -> None:
    assert missing(present) == gaps
