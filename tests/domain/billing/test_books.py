"""Whatever happens to invoices, the ledger balances and says the same as they do."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.beancount import render
from domain.billing.invoice_states import OPEN
from domain.billing.ledger import balance, trial_balance
from domain.errors import BadInput, Conflict
from domain.money import total
from tests.domain.billing.oracle_books import Books
from tests.domain.samples import eur

EVENTS = st.sampled_from(["issue", "pay", "match", "return", "credit", "void", "write off", "earn", "refund"])
MOVES = st.lists(st.tuples(EVENTS, st.integers(0, 3), st.integers(1, 12000)), max_size=25)


def play(moves: list[tuple[str, int, int]]) -> Books:
    books = Books()
    for number, (verb, which, minor) in enumerate(moves):
        try:
            _step(books, number, verb, which, minor)
        except (Conflict, BadInput):
            continue
        except ValueError as error:
            # A refused move is no news, but a transaction that does not balance is.
            if isinstance(error, ValidationError):
                raise
    return books


def _step(books: Books, number: int, verb: str, which: int, minor: int) -> None:
    if verb == "issue" or not books.invoices:
        return books.issue(minor if which else -minor, number)
    index, key = which % len(books.invoices), f"E-{number}"
    match verb:
        case "pay" | "match":
            books.pay(index, minor, key, verb == "match")
        case "return":
            books.give_back(index, minor, key)
        case "credit":
            books.credit_note(index, minor, key)
        case "void":
            books.void(index)
        case "write off":
            books.write_off(index)
        case "earn":
            books.earn(number, minor)
        case _:
            books.refund(minor, key)
    return None


@given(MOVES)
def test_any_sequence_of_events_sums_to_zero_and_the_receivable_is_what_open_invoices_are_due(
    moves: list[tuple[str, int, int]],
) -> None:
    books = play(moves)

    ledger = books.ledger
    assert sum(trial_balance(ledger).values()) == 0
    assert len({each.id for each in ledger}) == len(ledger)
    assert balance(ledger, "customer_credit", "EUR").minor == -books.credit
    assert balance(ledger, "suspense", "EUR").minor == 0
    due = {each.id: each.amount_due if each.state in OPEN else eur(0) for each in books.invoices}
    assert balance(ledger, "receivable", "EUR") == total(list(due.values()), "EUR")
    for made in books.invoices:
        assert balance(ledger, "receivable", "EUR", made.id) == due[made.id]
        assert balance(ledger, "write_off", "EUR", made.id) == made.written_off


@given(MOVES)
@settings(max_examples=60)
def test_what_is_payable_in_tax_is_that_of_the_invoices_less_that_of_their_credit_notes(
    moves: list[tuple[str, int, int]],
) -> None:
    books = play(moves)

    issued = sum(each.taxed.tax.minor for each in books.invoices if each.taxed and each.state != "voided")
    taken_back = sum(note.taxed.tax.minor for notes in books.notes.values() for note in notes)
    assert balance(books.ledger, "tax_payable:DE", "EUR").minor == taken_back - issued


def test_a_long_life_passes_bean_check(tmp_path: Path) -> None:
    moves = [("issue", index % 3, 997 * (index + 1)) for index in range(12)]
    moves += [("pay", 1, 500), ("earn", 0, 77), ("credit", 2, 900), ("match", 3, 9000), ("return", 1, 200), ("void", 0, 1)]
    moves += [("write off", 2, 1), ("pay", 2, 300), ("refund", 0, 1000), ("earn", 0, 10000)]
    file = tmp_path / "ledger.beancount"
    file.write_text(render(play(moves).ledger), encoding="utf-8")

    checked = subprocess.run(
        [Path(sys.executable).with_name("bean-check"), "--no-cache", file], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")
