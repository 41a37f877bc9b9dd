"""Credit notes: at the original rates, never more than the original, and exactly it in the end."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.billing.tax.calculation import tax
from domain.billing.tax.documents import TaxableLine, TaxedDocument
from domain.billing.tax.portions import gross_portion, portion, remaining
from domain.billing.tax.reversal import Basis, reverse
from domain.errors import BadInput
from domain.money import Money
from tests.domain.billing.tax.oracle_tax import added, nearest
from tests.domain.billing.tax.samples import charged, line, reversed_charge


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def invoice(*minors: int, percents: tuple[str, ...] = ("19",), inclusive: bool = False) -> TaxedDocument:
    lines = [line(f"line-{index}", minor, inclusive=inclusive) for index, minor in enumerate(minors)]
    return tax(lines, {each.id: charged(*percents) for each in lines})


def totals(document: TaxedDocument) -> tuple[int, int, int]:
    return document.net.minor, document.tax.minor, document.gross.minor


def test_a_full_credit_note_is_the_original() -> None:
    original = invoice(33, 33, 33)

    assert reverse(original, portion(original, Fraction(1))) == original


def test_half_a_document_takes_half_its_tax() -> None:
    # 100.01 / 2 = 50.005 → 50.01; tax 19.00 × 50.01 / 100.01 = 9.5009… → 9.50
    original = invoice(10_001)

    assert totals(reverse(original, portion(original, Fraction(1, 2)))) == (5_001, 950, 5_951)


def test_three_thirds_of_a_cent_add_up() -> None:
    # 1.00 with tax 0.19, credited 0.33, 0.33 and 0.34: cumulative tax 0.0627 → 0.06, 0.1254 → 0.13, 0.19
    original = invoice(100)
    notes: list[TaxedDocument] = []
    for minor in (33, 33, 34):
        notes.append(reverse(original, {"line-0": eur(minor)}, notes))

    assert [note.tax.minor for note in notes] == [6, 7, 6]


def test_many_small_credits_do_not_gather_rounding() -> None:
    # 100 lines of 0.10 bear 1.90 together, one or two cents each. Half of it is 0.95; half of each line's tax, rounded up, 1.00
    original = invoice(*[10] * 100)

    assert reverse(original, portion(original, Fraction(1, 2))).tax.minor == 95


def test_a_line_credited_in_full_takes_all_of_its_tax() -> None:
    original = invoice(33, 33, 33)  # taxes 7, 6, 6

    note = reverse(original, {"line-0": eur(33)})

    assert totals(note) == (33, 7, 40)


def test_a_gross_amount_is_credited_to_the_cent() -> None:
    # 50.00 of 119.00: tax 19.00 × 50 / 119 = 7.983… → 7.98
    original = invoice(10_000)

    note = reverse(original, {"line-0": eur(5_000)}, basis=Basis.gross)

    assert totals(note) == (4_202, 798, 5_000)


def test_a_gross_amount_is_shared_over_the_lines() -> None:
    # 119.00 and 59.50: 100.00 of 178.50 is 66.67 and 33.33 by largest remainder
    original = invoice(10_000, 5_000)

    note = reverse(original, gross_portion(original, eur(10_000)), basis=Basis.gross)

    assert [each.gross.minor for each in note.lines] == [6_667, 3_333]
    assert note.gross.minor == 10_000


def test_the_price_of_an_inclusive_line_is_gross() -> None:
    original = invoice(11_900, inclusive=True)

    assert totals(reverse(original, {"line-0": eur(5_950)})) == (5_000, 950, 5_950)


def test_a_credit_note_keeps_the_rate_of_the_original() -> None:
    original = invoice(10_000, percents=("16",))

    (subtotal,) = reverse(original, {"line-0": eur(5_000)}).subtotals

    assert (subtotal.kind, subtotal.tax.minor) == (original.subtotals[0].kind, 800)


def test_a_credit_note_has_only_the_kinds_of_its_lines() -> None:
    lines = [line("full", 1_000), line("low", 1_000)]
    original = tax(lines, {"full": charged("19"), "low": charged("7")})

    (subtotal,) = reverse(original, {"low": eur(1_000)}).subtotals

    assert (f"{subtotal.kind.percent}", subtotal.tax.minor) == ("7", 70)


def test_both_taxes_of_a_line_are_credited() -> None:
    # GST 5.00 and QST 9.98 on 100.00; half: 7.49 in all, 2.50 and 4.99
    original = invoice(10_000, percents=("5", "9.975"))

    note = reverse(original, {"line-0": eur(5_000)})

    assert [each.tax.minor for each in note.subtotals] == [250, 499]


def test_a_reverse_charge_is_credited_without_tax() -> None:
    original = tax([line("a", 10_000)], {"a": reversed_charge()})

    assert totals(reverse(original, {"a": eur(4_000)})) == (4_000, 0, 4_000)


def test_a_negative_line_is_credited_by_a_negative_amount() -> None:
    original = invoice(10_000, -3_333)

    assert totals(reverse(original, {"line-1": eur(-3_333)})) == (-3_333, -633, -3_966)


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"line-0": 101}, r"1.01 EUR cannot be credited, 1.00 EUR is left"),
        ({"line-0": -1}, r"cannot be credited"),
        ({"other": 1}, r"amounts\[other\]: must be a line of the document"),
        ({"line-0": 0}, r"0.00 EUR cannot be credited"),
    ],
)
def test_more_than_the_original_is_refused(amounts: dict[str, int], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        reverse(invoice(100), {line: eur(minor) for line, minor in amounts.items()})


def test_what_was_credited_before_is_not_credited_again() -> None:
    original = invoice(100)
    first = reverse(original, {"line-0": eur(60)})

    with pytest.raises(BadInput, match=r"0.40 EUR is left"):
        reverse(original, {"line-0": eur(41)}, [first])


def test_another_currency_is_refused() -> None:
    with pytest.raises(BadInput, match="must be in EUR"):
        reverse(invoice(100), {"line-0": Money(minor=1, currency="USD")})


def test_a_gross_amount_beyond_the_document_is_refused() -> None:
    with pytest.raises(BadInput, match=r"at most 1.19 EUR"):
        gross_portion(invoice(100), eur(120))
    with pytest.raises(BadInput, match="by line"):
        gross_portion(invoice(100, -10), eur(10))


def test_a_part_is_more_than_nothing_and_at_most_all() -> None:
    for part in (Fraction(0), Fraction(3, 2)):
        with pytest.raises(BadInput, match="part"):
            portion(invoice(100), part)


RATES = st.sampled_from([("19",), ("7",), ("25.5",), ("0",), ("5", "9.975"), ("5.5",)])


@st.composite
def invoices(draw: st.DrawFn, least: int = -5_000) -> TaxedDocument:
    lines: list[TaxableLine] = []
    for index in range(draw(st.integers(min_value=1, max_value=6))):
        minor = draw(st.integers(min_value=least, max_value=20_000))
        lines.append(line(f"line-{index}", minor, inclusive=draw(st.booleans())))
    choices = {rates: charged(*rates) for rates in draw(st.lists(RATES, min_size=1, max_size=2, unique=True))}
    return tax(lines, {each.id: choices[draw(st.sampled_from(list(choices)))] for each in lines})


@given(invoices(), st.data())
def test_credit_notes_over_any_parts_end_in_the_original(original: TaxedDocument, data: st.DataObject) -> None:
    notes: list[TaxedDocument] = []
    for _ in range(data.draw(st.integers(min_value=0, max_value=4))):
        amounts: dict[str, Money] = {}
        for name, left in remaining(original, notes).items():
            low, high = sorted((0, left.minor))
            if chosen := data.draw(st.integers(min_value=low, max_value=high)):
                amounts[name] = eur(chosen)
        notes.append(reverse(original, amounts, notes))
    notes.append(reverse(original, remaining(original, notes), notes))

    sums = added(notes)
    assert {each.id: sums.get(each.id, (0, 0, 0)) for each in original.lines} == added([original])
    _nothing_exceeds(original, notes)


@given(invoices(least=0), st.data())
def test_gross_credits_are_exact_and_end_in_the_original(original: TaxedDocument, data: st.DataObject) -> None:
    notes: list[TaxedDocument] = []
    left = original.gross.minor
    while left and len(notes) < 5:
        amount = left if len(notes) == 4 else data.draw(st.integers(min_value=1, max_value=left))
        note = reverse(original, gross_portion(original, eur(amount), notes), notes, Basis.gross)
        assert note.gross.minor == amount
        notes.append(note)
        left -= amount

    assert sum(note.gross.minor for note in notes) == original.gross.minor
    sums = added(notes)
    assert all(sums.get(each.id, (0, 0, 0)) == (each.net.minor, each.tax.minor, each.gross.minor) for each in original.lines)
    _nothing_exceeds(original, notes)


@given(invoices(), st.data())
def test_notes_over_prices_and_over_gross_amounts_mix(original: TaxedDocument, data: st.DataObject) -> None:
    notes: list[TaxedDocument] = []
    for _ in range(data.draw(st.integers(min_value=1, max_value=5))):
        basis = data.draw(st.sampled_from(Basis))
        sums = added(notes)
        amounts: dict[str, Money] = {}
        for each in original.lines:
            net, _, gross = sums.get(each.id, (0, 0, 0))
            by_gross = basis is Basis.gross or each.inclusive
            left = each.gross.minor - gross if by_gross else each.net.minor - net
            low, high = sorted((0, left))
            if chosen := data.draw(st.integers(min_value=low, max_value=high)):
                amounts[each.id] = eur(chosen)
        notes.append(reverse(original, amounts, notes, basis))
    notes.append(reverse(original, remaining(original, notes), notes))

    sums = added(notes)
    assert {each.id: sums.get(each.id, (0, 0, 0)) for each in original.lines} == added([original])
    _nothing_exceeds(original, notes)


@given(invoices(least=1), st.fractions(min_value=0, max_value=1, max_denominator=50).filter(bool))
def test_a_part_of_one_rate_takes_that_part_of_its_tax(original: TaxedDocument, part: Fraction) -> None:
    if len(original.subtotals) != 1 or any(each.inclusive for each in original.lines):
        return
    note = reverse(original, portion(original, part))

    exact = sum((Fraction(each.tax.minor * _net(note, each.id), each.net.minor) for each in original.lines), Fraction(0))
    assert abs(note.tax.minor - nearest(exact)) <= sum(1 for each in note.lines if each == original.line(each.id))


def _net(note: TaxedDocument, name: str) -> int:
    found = note.line(name)
    return found.net.minor if found else 0


def _nothing_exceeds(original: TaxedDocument, notes: list[TaxedDocument]) -> None:
    """After every note, each line's net, tax and gross is between nothing and the original's."""
    for count in range(1, len(notes) + 1):
        for name, parts in added(notes[:count]).items():
            own = original.line(name)
            assert own is not None
            for part, whole in zip(parts, (own.net.minor, own.tax.minor, own.gross.minor), strict=True):
                assert min(0, whole) <= part <= max(0, whole)
