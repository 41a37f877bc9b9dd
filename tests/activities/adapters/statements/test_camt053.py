"""CAMT.053 in its versions: batches, reversals, charges; and files that are none."""

from datetime import date

import pytest

from activities.adapters.statements.camt053 import read
from domain.billing.reconciliation.statements import StatementLine
from domain.errors import BadInput
from tests.domain.samples import eur

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001"
IBAN = "DE89370400440532013000"
PAYMENT_02 = """<Ntry><Amt Ccy="EUR">119.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
  <BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-03</Dt></ValDt><AcctSvcrRef>BANK-1</AcctSvcrRef>
  <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
    <AmtDtls><TxAmt><Amt Ccy="EUR">119.00</Amt></TxAmt></AmtDtls>
    <RltdPties><Dbtr><Nm>Jane Doe</Nm></Dbtr></RltdPties>
    <RmtInf><Ustrd>INV-2026-</Ustrd><Ustrd>000042</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""
PAYMENT_08 = (
    PAYMENT_02.replace("<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>")
    .replace("<Nm>Jane Doe</Nm>", "<Pty><Nm>Jane Doe</Nm></Pty>")
    .replace(
        '<AmtDtls><TxAmt><Amt Ccy="EUR">119.00</Amt></TxAmt></AmtDtls>',
        '<Amt Ccy="EUR">119.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>',
    )
    .replace("<Dt>2026-03-02</Dt>", "<DtTm>2026-03-02T23:30:00+01:00</DtTm>")
)


def document(*entries: str, version: str = "02", iban: str = IBAN) -> bytes:
    statement = f"<Stmt><Id>S-1</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{''.join(entries)}</Stmt>"
    body = f"<BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId></GrpHdr>{statement}</BkToCstmrStmt>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}.{version}">{body}</Document>'.encode()


def entry(minor: str, direction: str = "CRDT", details: str = "", more: str = "") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{minor}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{more}<Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>BANK-1</AcctSvcrRef>"
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def detail(amount: str, text: str, currency: str = "EUR") -> str:
    return f'<TxDtls><Amt Ccy="{currency}">{amount}</Amt><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>'


def lines(*entries: str) -> list[StatementLine]:
    [found] = read(document(*entries))
    return list(found.lines)


@pytest.mark.parametrize(("version", "payment"), [("02", PAYMENT_02), ("08", PAYMENT_08), ("13", PAYMENT_08)])
def test_a_payment_is_read_alike_in_every_version(version: str, payment: str) -> None:
    [statement] = read(document(payment, version=version))
    [line] = statement.lines

    assert (statement.account, statement.id) == (IBAN, "S-1")
    assert (line.amount, line.booked_on, line.value_on) == (eur(11900), date(2026, 3, 2), date(2026, 3, 3))
    assert (line.remittance, line.counterparty, line.returned) == ("INV-2026- 000042", "Jane Doe", False)
    assert line.key == f"{IBAN}:2026-03-02:BANK-1:11900EUR"


def test_each_payment_of_a_batch_is_a_line() -> None:
    found = lines(entry("150.00", details=detail("100.00", "a") + detail("25.00", "b") + detail("25.00", "b")))

    assert [line.amount for line in found] == [eur(10000), eur(2500), eur(2500)]
    assert len({line.key for line in found}) == 3


def test_charges_kept_from_a_payment_are_a_line() -> None:
    # 100.00 were paid, the bank kept 1.50, and 98.50 arrived
    charges = '<Chrgs><Rcrd><Amt Ccy="EUR">1.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>'
    found = lines(entry("98.50", details=detail("100.00", "INV-2026-000042"), more=charges))

    assert [(line.amount, line.remittance) for line in found] == [(eur(10000), "INV-2026-000042"), (eur(-150), "charges")]


@pytest.mark.parametrize("details", [detail("90.00", "a") + detail("20.00", "b"), detail("130.00", "a", "USD")])
def test_a_batch_that_does_not_add_up_is_one_line_of_what_moved(details: str) -> None:
    found = lines(entry("119.00", details=details))

    assert [line.amount for line in found] == [eur(11900)]


def test_a_reversal_has_the_direction_that_it_moved_in() -> None:
    [line] = lines(entry("119.00", "DBIT", more="<RvslInd>true</RvslInd>"))

    assert (line.amount, line.returned) == (eur(-11900), True)


def test_a_return_is_known_by_its_information() -> None:
    returned = "<TxDtls><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>"
    [line] = lines(entry("119.00", "DBIT", details=returned))

    assert line.returned


def test_an_account_without_an_iban_is_called_by_its_number() -> None:
    data = document(PAYMENT_02).decode().replace(f"<IBAN>{IBAN}</IBAN>", "<Othr><Id>12/34 5-X</Id></Othr>")

    assert read(data.encode())[0].account == "12345X"


def test_what_is_not_booked_yet_is_left_out() -> None:
    assert lines(PAYMENT_02.replace("BOOK", "PDNG")) == []


def test_a_file_has_statements_of_several_accounts_and_days() -> None:
    one, two = document(PAYMENT_02).decode(), document(PAYMENT_02, iban="AT611904300234573201").decode()
    begin, end = two.index("<Stmt>"), two.index("</Stmt>") + len("</Stmt>")
    found = read(one.replace("</Stmt>", f"</Stmt>{two[begin:end]}{two[begin:end]}").encode())

    assert [(each.account[:2], len(each.lines)) for each in found] == [("DE", 1), ("AT", 2)]
    assert len({line.key for line in found[1].lines}) == 2


@pytest.mark.parametrize(
    ("data", "field", "says"),
    [
        (b" ", "file", "empty"),
        (b"<Document>", "line 1", "not well-formed"),
        (b"date,amount\n", "line 1", "not well-formed"),
        (b"<Document/>", "/Document/BkToCstmrStmt/Stmt", "CAMT.053 statement was expected"),
        (document(PAYMENT_02, iban=""), "/Document/BkToCstmrStmt/Stmt/Acct/Id/IBAN", "is needed"),
        (document(PAYMENT_02.replace("CRDT", "IN")), "/Document/BkToCstmrStmt/Stmt/Ntry/CdtDbtInd", "CRDT or DBIT"),
        (document(PAYMENT_02.replace("119.00", "119.005")), "/Document/BkToCstmrStmt/Stmt/Ntry/Amt", "at most 2 decimals"),
        (document(PAYMENT_02.replace("119.00", "-119.00")), "/Document/BkToCstmrStmt/Stmt/Ntry/Amt", "not be negative"),
        (document(PAYMENT_02.replace('Ccy="EUR"', "")), "/Document/BkToCstmrStmt/Stmt/Ntry/Amt", "ISO 4217"),
        (document(PAYMENT_02.replace("2026-03-02", "2.3.26")), "/Document/BkToCstmrStmt/Stmt/Ntry/BookgDt", "2026-03-31"),
        (document(PAYMENT_02, PAYMENT_02.replace("119", "x")), "/Document/BkToCstmrStmt/Stmt/Ntry[2]/Amt", "such as 1234.50"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: bytes, field: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        read(data)

    assert error.value.field == field
    assert says in error.value.message


@pytest.mark.parametrize(
    "definition",
    [
        '<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE Document [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:1/x.dtd">',
    ],
)
def test_entities_and_definitions_are_refused(definition: str) -> None:
    data = document(PAYMENT_02).decode().replace("<Document", f"{definition}<Document", 1)

    with pytest.raises(BadInput, match="document type definition"):
        read(data.encode())


def test_depth_without_end_is_refused() -> None:
    with pytest.raises(BadInput, match="not well-formed"):
        read(b"<Document>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Document>")
