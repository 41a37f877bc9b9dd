"""What a bank or gateway says moved on an account, and the key by which each line of it is booked once."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from domain.cards import without_card_numbers
from domain.money import Money
from domain.values import Value


class Entry(Value):
    """One movement as it was read: money that came in is positive, money that went out negative. Dates are the bank's local
    dates. `reference` is the bank's own (ISO 20022: AcctSvcrRef), empty where it gave none; `remittance` is what the payer
    wrote; `returned` says that it takes back an earlier movement. Neither text nor `counterparty` is ever logged.
    """

    amount: Money
    booked_on: date
    value_on: date
    reference: str = ""
    remittance: Annotated[str, Field(repr=False)] = ""
    counterparty: Annotated[str, Field(repr=False)] = ""
    returned: bool = False


class StatementLine(Entry):
    key: Annotated[str, Field(min_length=1)]


class Statement(Value):
    """`account` is what the ledger calls it (`cash:<account>`), `id` what the bank calls this statement."""

    account: Annotated[str, Field(min_length=1, max_length=100)]
    id: str = ""
    lines: tuple[StatementLine, ...]


def statement(account: str, entries: Iterable[Entry], id_: str = "") -> Statement:
    """Each entry with its key. What moved nothing is left out.

    The key is the same in every file that has the line, however the files overlap: account, booking date, amount, and the
    bank's reference or else a digest of what was written. Among lines equal in all of that the second is `…:2`: a bank lists
    the lines of a day in one order, and starts no file within equal ones.
    """
    seen: Counter[str] = Counter()
    lines = []
    for entry in entries:
        if entry.amount:
            facts = _facts(account, entry)
            seen[facts] += 1
            key = facts if seen[facts] == 1 else f"{facts}:{seen[facts]}"
            lines.append(StatementLine(key=key, **(dict(entry) | _free_of_cards(entry))))
    return Statement(account=account, id=id_, lines=tuple(lines))


def _free_of_cards(entry: Entry) -> dict[str, str]:
    """What people wrote. A file is not refused for a card number in a line, since the money of all the others moved too; the
    number is hidden before anything is kept."""
    return {
        "remittance": without_card_numbers(entry.remittance),
        "counterparty": without_card_numbers(entry.counterparty),
    }


def _facts(account: str, entry: Entry) -> str:
    name = quote(entry.reference, safe="") or _digest(entry.remittance, entry.counterparty)
    return f"{account}:{entry.booked_on}:{name}:{entry.amount.minor}{entry.amount.currency}"


def _digest(*texts: str) -> str:
    """Of the letters and digits alone, since banks wrap and pad text as they like."""
    bare = "\n".join("".join(sign for sign in text.casefold() if sign.isalnum()) for text in texts)
    return sha256(bare.encode()).hexdigest()[:16]
