"""Whether the books are in order after a story: by our own rules, and by Beancount's where it is installed."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workers.cli.client import Api

Json = dict[str, Any]


def problems(api: Api, invoices: list[Json], events: list[Json]) -> list[str]:
    """The ledger balances, no period is billed twice, and an invoice is paid at most once."""
    found = []
    sums: dict[str, int] = {}
    for account in api.get("/v1/ledger/balances")["balances"]:
        money = account["balance"]
        sums[money["currency"]] = sums.get(money["currency"], 0) + money["minor"]
    found += [f"the ledger is out by {minor} in {currency}" for currency, minor in sums.items() if minor]
    lines = [line for each in invoices for line in api.get(f"/v1/invoices/{each['id']}")["lines"]]
    ids = [line["id"] for line in lines]
    found += [f"{line} is on two invoices" for line in {one for one in ids if ids.count(one) > 1}]
    paid = [event["subject"] for event in events if event["type"] == "payment.paid"]
    found += [f"invoice {one} was paid twice" for one in {one for one in paid if paid.count(one) > 1}]
    return found


def bean_check() -> str | None:
    """Where Beancount's `bean-check` is: beside this Python, or on the path. It is not shipped with us."""
    beside = Path(sys.executable).with_name("bean-check")
    return str(beside) if beside.exists() else shutil.which("bean-check")


def beancount_problems(api: Api, program: str) -> list[str]:
    """What it says about the whole ledger, as exported; nothing where it accepts it."""
    with tempfile.TemporaryDirectory(prefix="turnup-books-") as folder:
        file = Path(folder) / "books.beancount"
        with file.open("wb") as out:
            out.writelines(api.download("/v1/ledger/export", format="beancount"))
        words = [program, "--no-cache", str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - a program of the person's own
    said = " ".join((done.stdout + done.stderr).split())
    return [] if done.returncode == 0 else [f"bean-check refuses the ledger: {said[:500]}"]
