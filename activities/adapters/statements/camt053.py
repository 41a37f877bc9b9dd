"""Statements as CAMT.053, the bank-to-customer statement of ISO 20022, in any of its versions.

An entry may be a batch of payments. They are lines of their own where their amounts add up to the entry's, the bank's charges
set off; where they do not, the entry is one line, since that is what moved on the account.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from lxml import etree
from lxml.etree import _Element as Element

from activities.adapters.statements.bounds import MOST_LINES, check_size, money
from domain.billing.reconciliation.statements import Entry, Statement, statement
from domain.errors import BadInput
from domain.money import Money, total

_NO_REFERENCE = {"NONREF", "NOTPROVIDED"}
"""What banks write where they have no reference to give."""


def read(data: bytes) -> list[Statement]:
    """One statement for each account in the file, called by its IBAN or other number, with the entries that are booked.

    Raises BadInput naming the line or XPath and what would be right.
    """
    root = _parsed(data)
    found = root.findall("BkToCstmrStmt/Stmt")
    if root.tag != "Document" or not found:
        raise BadInput("/Document/BkToCstmrStmt/Stmt", "is not there; a CAMT.053 statement was expected")
    entries: defaultdict[str, list[Entry]] = defaultdict(list)
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for each in found:
        account = "".join(filter(str.isalnum, _needed(each, "Acct/Id/IBAN", "Acct/Id/Othr/Id")))
        entries[account].extend(line for entry in each.findall("Ntry") for line in _lines(entry))
        ids[account].append(_text(each, "Id"))
    return [statement(account, entries[account], " ".join(ids[account])) for account in entries]


def _parsed(data: bytes) -> Element:
    """Without namespaces, which differ by version. No entity is replaced and nothing fetched; libxml2 itself refuses elements
    more than 256 deep and texts beyond 10 MB."""
    check_size(data)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"line {error.lineno or 1}", "is not well-formed XML; a CAMT.053 file was expected") from None
    if root.getroottree().docinfo.doctype:
        raise BadInput("line 1", "has a document type definition, which no CAMT.053 file has; send it without")
    for number, element in enumerate(root.iter("*")):
        if number > MOST_LINES * 50:
            raise BadInput("file", f"has more than {MOST_LINES} entries; send fewer days at a time")
        element.tag = etree.QName(element).localname
    return root


def _lines(entry: Element) -> Iterator[Entry]:
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status != "BOOK":
        return
    whole = _signed(entry, entry)
    details = entry.findall("NtryDtls/TxDtls")
    amounts = [_detail_amount(entry, detail) for detail in details]
    charges = _charges(entry, whole.currency)
    same = [amount for amount in amounts if amount is not None and amount.currency == whole.currency]
    if len(same) != len(details) or not details:
        yield _one(entry, details, whole)
    elif (sum_ := total(same, whole.currency)) in (whole, whole + charges):
        for detail, amount in zip(details, same, strict=True):
            yield _line(entry, [detail], amount, _text(detail, "Refs/AcctSvcrRef"))
        if sum_ != whole:
            yield _line(entry, [], whole - sum_, "").model_copy(update={"remittance": "charges", "counterparty": ""})
    else:
        yield _one(entry, details, whole)


def _one(entry: Element, details: list[Element], amount: Money) -> Entry:
    own = _text(details[0], "Refs/AcctSvcrRef") if len(details) == 1 else ""
    return _line(entry, details, amount, own)


def _line(entry: Element, details: list[Element], amount: Money, reference: str) -> Entry:
    booked_on = _date(entry, "BookgDt")
    reference = reference or _text(entry, "AcctSvcrRef")
    return Entry(
        amount=amount,
        booked_on=booked_on,
        value_on=_date(entry, "ValDt") if entry.find("ValDt") is not None else booked_on,
        reference="" if reference.upper() in _NO_REFERENCE else reference,
        remittance=_remittance(entry, details),
        counterparty=_counterparty(details, "Dbtr" if amount.minor > 0 else "Cdtr"),
        returned=_text(entry, "RvslInd") in {"true", "1"} or any(each.find("RtrInf") is not None for each in details),
    )


def _remittance(entry: Element, details: list[Element]) -> str:
    """What the payer wrote, then its structured references; where there is neither, the bank's own words."""
    paths = ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb", "Refs/EndToEndId")
    found = [node.text or "" for detail in details for path in paths for node in detail.findall(path)]
    written = [text.strip() for text in found if text.strip() and text.strip() not in _NO_REFERENCE]
    return " ".join(written) or _text(entry, "AddtlNtryInf")


def _counterparty(details: list[Element], role: str) -> str:
    if len(details) != 1:
        return ""
    return _text(details[0], f"RltdPties/{role}/Nm") or _text(details[0], f"RltdPties/{role}/Pty/Nm")


def _detail_amount(entry: Element, detail: Element) -> Money | None:
    """Its own amount, which versions before the fourth have among the details of amounts; None where it has none."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        if (amount := detail.find(path)) is not None:
            return _directed(amount, detail if detail.find("CdtDbtInd") is not None else entry)
    return _signed(entry, entry) if len(entry.findall("NtryDtls/TxDtls")) == 1 else None


def _signed(element: Element, directed_by: Element) -> Money:
    amount = element.find("Amt")
    if amount is None:
        raise BadInput(_path(element), "needs an amount: <Amt Ccy='EUR'>119.00</Amt>")
    return _directed(amount, directed_by)


def _directed(amount: Element, by: Element) -> Money:
    """Money in is positive. A reversal has the direction that it moved in itself, and needs no turning round."""
    direction = _needed(by, "CdtDbtInd")
    if direction not in {"CRDT", "DBIT"}:
        raise BadInput(f"{_path(by)}/CdtDbtInd", "must be CRDT or DBIT")
    read_ = money(_path(amount), (amount.text or "").strip(), amount.get("Ccy", ""))
    if read_.minor < 0:
        raise BadInput(_path(amount), "must not be negative; CdtDbtInd says which way it moved")
    return read_ if direction == "CRDT" else -read_


def _charges(entry: Element, currency: str) -> Money:
    """What the bank has kept of the entry; charges given back, or in another currency, are left out."""
    kept = Money.zero(currency)
    for charge in [*entry.findall("Chrgs"), *entry.findall("NtryDtls/TxDtls/Chrgs")]:
        for record in charge.findall("Rcrd") or [charge]:
            amount = record.find("Amt")
            if amount is not None and amount.get("Ccy") == currency and _text(record, "CdtDbtInd") != "CRDT":
                kept = kept + money(_path(amount), (amount.text or "").strip(), currency)
    return kept


def _date(entry: Element, name: str) -> date:
    """The bank's local date, also where it gives the time."""
    text = _text(entry, f"{name}/Dt") or _text(entry, f"{name}/DtTm")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BadInput(f"{_path(entry)}/{name}", "needs a date: <Dt>2026-03-31</Dt>") from None


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _needed(element: Element, *paths: str) -> str:
    for path in paths:
        if text := _text(element, path):
            return text
    raise BadInput(f"{_path(element)}/{paths[0]}", "is needed")


def _path(element: Element) -> str:
    return str(element.getroottree().getpath(element))
