"""The PDF as people read it, and as archives and machines do."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml
from facturx import get_facturx_xml_from_pdf
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from activities.adapters.documents.pdf import SHIPPED
from activities.adapters.documents.standard import StandardDocuments
from domain.billing.bands import band
from domain.billing.documents.document import BillingDocument
from domain.billing.documents.parties import PaymentInstructions, PaymentMethod
from domain.billing.invoices import voided
from domain.billing.lines import Discount, InvoiceLine, Portion
from domain.errors import Conflict
from domain.money import Money
from tests.activities.adapters.documents.rules import CII, broken
from tests.activities.adapters.documents.samples import credit_of, document, draft_of, invoice_of, issuer, recipient
from tests.domain.billing.line_samples import line
from tests.domain.billing.tax.samples import charged, reversed_charge

DOCUMENTS = StandardDocuments()
LANGUAGES = sorted(path.stem for path in (SHIPPED / "words").glob("*.yaml"))


def seats() -> InvoiceLine:
    """15 seats: 10 × 5.00 + 5 × 4.00 = 70.00, of which 17 of 31 days are 38.39; a quarter off, 9.60, leaves 28.79."""
    tiers = (band(Decimal(10), Decimal(5), Decimal(0), "up to 10"), band(Decimal(5), Decimal(4), Decimal(0), "above 10"))
    off = Discount(redemption="r", coupon="welcome", description="Welcome, 25 %", amount=Money(minor=960, currency="EUR"))
    return line(3839, quantity=Decimal(15), tiers=tiers, portions=(Portion(part=17, whole=31),), discounts=(off,))


def text(pdf: bytes) -> str:
    """With one space for each of the kinds of space."""
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages))


def shown(made: BillingDocument) -> str:
    return text(DOCUMENTS.pdf(made))


def test_an_invoice_shows_what_is_owed_and_why() -> None:
    """28.79 net and 5.47 of VAT are 34.26; 10.00 are prepaid."""
    pdf = shown(document(invoice_of([seats()], prepaid=1_000)))

    for part in ("Acme Cloud GmbH", "Nordwind Handel AG", "Hafenweg 3", "20457 Hamburg", "INV-2026-000001", "2 Mar 2026"):
        assert part in pdf
    for part in ("16 Mar 2026", "1–31 Mar 2026", "CRM seat", "10 × 5,00 50,00", "5 × 4,00 20,00", "17 of 31 days 38,39"):
        assert part in pdf
    for part in ("Welcome, 25 % -9,60", "28,79", "VAT 19 % (Germany) on 28,79 € 5,47 €", "Total 34,26 €"):
        assert part in pdf
    for part in ("Paid from prepaid credit -10,00 €", "Amount due 24,26 €", "DE89 3704 0044 0532 0130 00", "Page 1 of 1"):
        assert part in pdf


@pytest.mark.parametrize(
    ("language", "country", "parts"),
    [
        ("en", "GB", ["Invoice", "VAT 19% (Germany) on €1,234.50", "Amount due €1,469.06", "16 Mar 2026"]),
        ("en", "US", ["Invoice", "VAT 19% (Germany) on €1,234.50", "Amount due €1,469.06", "Mar 16, 2026"]),
        ("de", "DE", ["Rechnung", "USt. 19 % (Deutschland) auf 1.234,50 €", "Zu zahlender Betrag 1.469,06 €", "16.03.2026"]),
        ("de-CH", "CH", ["Rechnung", "USt. 19% (Deutschland) auf EUR 1’234.50", "16.03.2026"]),
        ("fr", "FR", ["Facture", "TVA 19 % (Allemagne) sur 1 234,50 €", "Montant à payer 1 469,06 €", "16 mars 2026"]),
        ("es", "ES", ["Factura", "IVA 19 % (Alemania) sobre 1.234,50 €", "Importe a pagar 1.469,06 €", "16 mar 2026"]),
        ("it", "IT", ["Fattura", "IVA 19% (Germania) su 1.234,50 €", "Importo da pagare 1.469,06 €", "16 mar 2026"]),
        ("nl", "NL", ["Factuur", "Btw 19% (Duitsland) over € 1.234,50", "Te betalen € 1.469,06", "16 mrt 2026"]),
        ("fi", "FI", ["Invoice", "Amount due 1 469,06 €"]),
    ],
)
def test_words_and_numbers_are_those_of_the_customer(language: str, country: str, parts: list[str]) -> None:
    """19 % of 1,234.50 are 234.56, rounded half up from 234.555. There is no word list in Finnish."""
    pdf = shown(document(invoice_of([line(123_450)]), recipient=recipient(country, language=language)))

    assert [part for part in parts if part not in pdf] == []


@pytest.mark.parametrize(
    ("currency", "part"), [("JPY", "¥12,345"), ("KWD", "KWD 12.345"), ("USD", "US$123.45"), ("IQD", "IQD 12.345")]
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, part: str) -> None:
    made = document(invoice_of([line(12_345, currency=currency)]), recipient=recipient("GB"))

    assert f"Net total {part}" in shown(made).replace("JP¥", "¥")


def test_two_taxes_on_a_line_are_both_shown_though_no_electronic_invoice_is_made() -> None:
    """5 % and 9.975 % of 100.00, each rounded half up."""
    made = document(invoice_of([line(10_000)], [charged("5", "9.975", country="CA")]))

    assert "5 % + 9,975 %" in shown(made)
    assert "(Canada) on 100,00 € 9,98 €" in shown(made)
    with pytest.raises(Conflict):
        DOCUMENTS.factur_x(made)


def test_reverse_charge_is_said_in_the_words_of_the_law() -> None:
    """Directive 2006/112/EC, art. 226(11a), in German."""
    made = document(invoice_of([line(100)], [reversed_charge()]), recipient=recipient(language="de"))

    assert "Steuerschuldnerschaft des Leistungsempfängers (Reverse charge) 0,00 €" in shown(made)


def test_markup_in_a_name_stays_text() -> None:
    name = "<b>A</b> & *B* #sys.inputs $x$ \\ @c"
    made = document(invoice_of([line(100, description=name)]), recipient=recipient(name=name))

    assert shown(made).count(name) == 2


def test_a_draft_and_a_voided_invoice_are_marked() -> None:
    issued = invoice_of([line(100)])

    assert "Draft" in shown(document(draft_of([line(100)])))
    assert "Voided" in shown(document(voided(issued)))
    assert "Amount due" not in shown(document(voided(issued)))
    assert "Draft" not in shown(document(issued))


def test_parties_of_whom_little_is_known_are_shown_as_they_are() -> None:
    nowhere = {"address": {"country": "ZZ"}, "email": None, "vat_id": None, "legal_information": None}
    pdf = shown(
        document(
            invoice_of([line(100)]),
            issuer=issuer(name="Main", phone=None, register_number=None, **nowhere),
            recipient=recipient("JP", address={"country": "JP"}),
        )
    )

    assert "Main Nordwind Handel AG Japan" in pdf
    assert "Unknown Region" not in pdf


def test_a_draft_without_tax_says_so() -> None:
    draft = draft_of([line(100)]).model_copy(update={"taxed": None})

    assert "The tax is determined when the invoice is issued." in shown(document(draft))


def test_a_credit_note_names_the_invoice_that_it_corrects() -> None:
    """50.00 of 100.00 with 19 %."""
    invoice = invoice_of([line(10_000)])
    note = credit_of(invoice, amount=Money(minor=5_000, currency="EUR"), memo="Outage in March")

    pdf = shown(document(invoice, credit_note=note))

    for part in ("Credit note CN-2026-000001", "INV-2026-000001 of 2 Mar 2026", "Total credit 59,50 €", "Outage in March"):
        assert part in pdf.replace("Credit note number", "Credit note")


@pytest.mark.parametrize(
    ("payment", "part"),
    [
        (PaymentInstructions(method=PaymentMethod.card), "We charge 1,19 € to your card on file."),
        (PaymentInstructions(method=PaymentMethod.direct_debit, mandate="M-7"), "Mandate M-7"),
        (PaymentInstructions(account="026009593 1234567"), "Account 026009593 1234567"),
        (None, "1,19 € is due by 16 Mar 2026."),
    ],
)
def test_the_payment_is_explained(payment: PaymentInstructions | None, part: str) -> None:
    assert part in shown(document(invoice_of([line(100)]), payment=payment))


def test_a_negative_invoice_goes_to_the_balance() -> None:
    """-1.00 net and -0.19 of tax."""
    pdf = shown(document(invoice_of([line(-100)])))

    assert "Total -1,19 € Credited to your balance 1,19 € Amount due 0,00 €" in pdf


def test_an_earlier_debt_is_collected() -> None:
    """1.19 and the 0.30 that were too little to collect before."""
    pdf = shown(document(invoice_of([line(100)], balance=-30)))

    assert "Total 1,19 € Earlier amount carried forward 0,30 € Amount due 1,49 €" in pdf


def test_nothing_is_asked_for_what_credit_covers() -> None:
    pdf = shown(document(invoice_of([line(100)], balance=119)))

    assert "Nothing is to be paid." in pdf
    assert "IBAN" not in pdf


def test_a_long_invoice_runs_over_numbered_pages() -> None:
    pdf = DOCUMENTS.pdf(document(invoice_of([line(100, charge=f"c{place}") for place in range(1_000)])))

    pages, said = len(PdfReader(BytesIO(pdf)).pages), text(pdf)
    assert pages > 10
    assert f"Page 2 of {pages}" in said
    assert all(f"CRM c{place} " in said for place in (0, 500, 999))


def test_the_same_document_is_the_same_bytes_in_every_thread() -> None:
    made = document(invoice_of([seats()]))

    with ThreadPoolExecutor(4) as threads:
        files = list(threads.map(DOCUMENTS.factur_x, [made] * 12))

    assert set(files) == {DOCUMENTS.factur_x(made)}


@pytest.fixture(scope="module")
def factur_x() -> bytes:
    return DOCUMENTS.factur_x(document(invoice_of([seats()])))


def test_factur_x_has_the_invoice_for_machines_inside(factur_x: bytes) -> None:
    xml = DOCUMENTS.cii(document(invoice_of([seats()])))

    assert get_facturx_xml_from_pdf(factur_x, check_xsd=True) == ("factur-x.xml", xml)
    assert broken(xml, CII) == []


def test_factur_x_is_pdf_a_3_and_says_what_it_is(factur_x: bytes) -> None:
    """ISO 19005-3: an output intent, an associated file and XMP; Factur-X 1.0: its four properties and their schema."""
    root: Any = PdfReader(BytesIO(factur_x)).trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()

    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Alternative"
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    assert root["/MarkInfo"]["/Marked"]
    for part in ("<pdfaid:part>3<", "<xmp:CreateDate>2026-03-02T00:00:00Z<", "<pdfaSchema:prefix>fx<"):
        assert part in xmp
    for part in ("DocumentType>INVOICE", "DocumentFileName>factur-x.xml", "Version>1.0", "ConformanceLevel>EN 16931"):
        assert f"<fx:{part}<" in xmp


def test_every_font_is_embedded(factur_x: bytes) -> None:
    fonts = list(_fonts(factur_x))

    assert fonts
    assert all(any(key in font for key in ("/FontFile", "/FontFile2", "/FontFile3")) for font in fonts)


def _fonts(pdf: bytes) -> Iterator[DictionaryObject]:
    for page in PdfReader(BytesIO(pdf)).pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            descendant = font.get_object().get("/DescendantFonts", [font])[0].get_object()
            yield descendant["/FontDescriptor"].get_object()


def test_a_script_without_a_font_is_a_conflict_in_an_archive_file_only() -> None:
    made = document(invoice_of([line(100)]), recipient=recipient(name="株式会社"))

    assert "INV-2026-000001" in shown(made)
    with pytest.raises(Conflict, match="no font"):
        DOCUMENTS.factur_x(made)


def test_a_folder_changes_the_words_and_the_template(tmp_path: Path) -> None:
    copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    words = tmp_path / "words" / "en.yaml"
    words.write_text(words.read_text().replace("Amount due", "Balance owed"))
    style = tmp_path / "style.typ"
    style.write_text(style.read_text().replace("view.sender.first()", '"The Acme Company"'))

    pdf = text(StandardDocuments(tmp_path).pdf(document(invoice_of([line(100)]))))

    assert "Balance owed 1,19 €" in pdf
    assert "The Acme Company" in pdf


def test_a_folder_may_have_words_only_and_must_have_all_of_them(tmp_path: Path) -> None:
    words = yaml.safe_load((SHIPPED / "words" / "en.yaml").read_text())
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "fi.yaml").write_text(yaml.safe_dump({**words, "invoice": "Lasku"}))
    (tmp_path / "words" / "sv.yaml").write_text(yaml.safe_dump({"invoice": "Faktura"}))
    documents, invoice = StandardDocuments(tmp_path), invoice_of([line(100)])

    assert "Lasku" in text(documents.pdf(document(invoice, recipient=recipient(language="fi"))))
    with pytest.raises(Conflict, match=r"words/sv\.yaml: lacks account, account_holder"):
        documents.pdf(document(invoice, recipient=recipient(language="sv")))


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("document.typ", "#letterhead(view)", "#letterhed(view)", "document.typ cannot be set: .*unknown variable: letterhed"),
        ("words/en.yaml", "{date}", "{day}", r"words/en.yaml: pay_\w+ is a text whose braces are .*{date}"),
        ("words/en.yaml", ": ", ": : ", "words/en.yaml: is no YAML: mapping values are not allowed"),
    ],
)
def test_a_mistake_in_a_template_is_told(tmp_path: Path, name: str, before: str, after: str, said: str) -> None:
    copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    written = (tmp_path / name).read_text()
    assert before in written
    (tmp_path / name).write_text(written.replace(before, after))

    with pytest.raises(Conflict, match=said):
        StandardDocuments(tmp_path).pdf(document(invoice_of([line(100)])))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words_to_fill_in(language: str) -> None:
    english, other = (_braces(SHIPPED / "words" / f"{name}.yaml") for name in ("en", language))

    assert other == english


def _braces(path: Path) -> dict[str, set[str]]:
    words = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {word: set(re.findall(r"\{(\w+)\}", said)) for word, said in words.items()}
