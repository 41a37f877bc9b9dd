"""The exported ledger, checked by Beancount itself with a tolerance of zero."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.billing.beancount import account, amount, quoted, render
from domain.billing.ledger import AccountKind, Posting, Transaction
from domain.money import Money
from tests.domain.samples import NOW, eur

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
YEN, DINAR = Money(minor=1200, currency="JPY"), Money(minor=1005, currency="KWD")


def booked(id_: str, *sides: tuple[str, Money], description: str = "sale", days: int = 0) -> Transaction:
    postings = tuple(Posting(account=name, amount=money, subject="I-1") for name, money in sides)
    return Transaction(id=id_, at=NOW + timedelta(days=days), description=description, reference="ref", postings=postings)


LEDGER = [
    booked("T-1", ("receivable", eur(11900)), ("deferred_revenue", eur(-10000)), ("tax_payable:DE", eur(-1900))),
    booked(
        "T-2", ("cash:stripe", eur(11900)), ("receivable", eur(-11900)), days=3, description='a "quoted" \\ name\nin two lines'
    ),
    booked("T-3", ("cash:bank", YEN), ("suspense", -YEN), ("cash:bank", DINAR), ("suspense", -DINAR), days=1),
]


def check(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    file = folder / "ledger.beancount"
    file.write_text(text, encoding="utf-8")
    return subprocess.run([BEAN_CHECK, "--no-cache", file], capture_output=True, text=True, check=False)


def test_bean_check_accepts_the_export(tmp_path: Path) -> None:
    checked = check(render(LEDGER), tmp_path)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_bean_check_refuses_a_file_that_is_a_cent_out(tmp_path: Path) -> None:
    checked = check(
        render(LEDGER).replace("  Liabilities:TaxPayable:DE  -19.00", "  Liabilities:TaxPayable:DE  -19.01"), tmp_path
    )

    assert checked.returncode != 0
    assert "does not balance: (-0.01 EUR)" in checked.stderr


def test_bean_check_refuses_a_thousandth_which_its_own_tolerance_would_pass(tmp_path: Path) -> None:
    entries = "\n".join(text for text in render(LEDGER).split("\n") if " balance " not in text)
    wrong = entries.replace("  Liabilities:TaxPayable:DE  -19.00", "  Liabilities:TaxPayable:DE  -19.001")

    assert "does not balance: (-0.001 EUR)" in check(wrong, tmp_path).stderr
    assert check(wrong.replace('option "tolerance_multiplier" "0"', ""), tmp_path).returncode == 0


def test_bean_check_refuses_a_yen(tmp_path: Path) -> None:
    checked = check(render(LEDGER).replace("  Assets:Cash:Bank  1200 JPY", "  Assets:Cash:Bank  1201 JPY"), tmp_path)

    assert checked.returncode != 0
    assert "does not balance: (1 JPY)" in checked.stderr


def test_bean_check_refuses_a_transaction_that_is_missing(tmp_path: Path) -> None:
    whole, short = render(LEDGER), render(LEDGER[:1])
    kept = short[: short.index("2026-03-03 balance")]

    checked = check(kept + whole[whole.index("2026-03-06 balance") :], tmp_path)

    assert "Balance failed" in checked.stderr


def test_an_empty_ledger_is_a_valid_file(tmp_path: Path) -> None:
    assert check(render([]), tmp_path).returncode == 0


@pytest.mark.parametrize("kind", list(AccountKind))
def test_every_account_has_its_place(kind: AccountKind) -> None:
    assert account(kind).split(":")[0] in {"Assets", "Liabilities", "Income", "Expenses"}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("cash:stripe", "Assets:Cash:Stripe"),
        ("tax_payable:US-CA", "Liabilities:TaxPayable:US-CA"),
        ("cash:bank_no.1", "Assets:Cash:Bank-no-1"),
        ("cash:-x", "Assets:Cash:X-x"),
        ("tax_payable:état", "Liabilities:TaxPayable:X-tat"),
    ],
)
def test_accounts_are_written_as_beancount_takes_them(name: str, written: str) -> None:
    assert account(name) == written


@pytest.mark.parametrize(
    ("money", "written"),
    [(eur(-5), "-0.05 EUR"), (YEN, "1200 JPY"), (DINAR, "1.005 KWD"), (eur(10**15), "10000000000000.00 EUR")],
)
def test_amounts_have_the_decimals_of_their_currency(money: Money, written: str) -> None:
    assert amount(money) == written


def test_text_is_escaped() -> None:
    assert quoted('say "so" \\ twice\nnow') == '"say \\"so\\" \\\\ twice\\nnow"'


def test_dates_are_those_of_the_books() -> None:
    # 2026-03-02 12:00 UTC is already the 3rd in Kiritimati (UTC+14)
    assert "2026-03-03 * " in render(LEDGER[:1], ZoneInfo("Pacific/Kiritimati"))
