"""The PDF of a document: PDF/A-3 set by Typst from a template that a designer may change."""

from datetime import UTC, datetime, time
from hashlib import sha256
from pathlib import Path

import fontpkg_source_sans_3
import typst

from activities.adapters.documents.view import view_of
from activities.adapters.documents.words import language_of
from domain.billing.documents.document import BillingDocument
from domain.errors import Conflict

SHIPPED = Path(__file__).parents[3] / "deploy" / "documents"
_TEMPLATE = "document.typ"
_FONTS = fontpkg_source_sans_3.ROOT / "files"
_NO_GLYPH = "could not be displayed"


class Typesetter:
    """Sets documents with the template of a folder: `document.typ`, `style.typ`, `words/<language>.yaml`, and `fonts/` for
    scripts that the shipped typeface has no characters of. What a folder lacks is taken from the shipped one; its template
    and style go together.

    It may be used from several threads, and sees a changed file at the next call. A call takes tens of milliseconds of
    processor time, a second for a thousand lines, so it does not belong on an event loop.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folders = [folder, SHIPPED] if folder is not None else [SHIPPED]

    def pdf(self, document: BillingDocument) -> bytes:
        """The same bytes for the same document. A name in a script that no font has is shown as boxes; the file is then no
        PDF/A. Conflict where the template or its words are wrong."""
        try:
            return self._set(document, None, archival=True)
        except Conflict:
            return self._set(document, None, archival=False)

    def with_attachment(self, document: BillingDocument, xml: str) -> bytes:
        """PDF/A-3 with `xml` as factur-x.xml; Conflict where a character has no font, which PDF/A does not allow."""
        return self._set(document, xml, archival=True)

    def edition(self) -> str:
        """Changes with the template, its words and fonts."""
        files = [path for folder in self._folders for path in sorted(folder.rglob("*")) if path.is_file()]
        return sha256(repr([(str(path), path.stat().st_mtime_ns) for path in files]).encode()).hexdigest()

    def credit_terms(self, document: BillingDocument) -> str | None:
        """How a credit note is settled, in the recipient's language; None for an invoice."""
        if document.credit_note is None:
            return None
        return language_of(document.recipient, self._folders)("credit_terms", number=document.credit_note.invoice_number)

    def _set(self, document: BillingDocument, xml: str | None, archival: bool) -> bytes:
        view = view_of(document, language_of(document.recipient, self._folders))
        root = next(folder for folder in self._folders if (folder / _TEMPLATE).is_file())
        inputs = {"document": view.model_dump_json(), **({"xml": xml} if xml is not None else {})}
        try:
            made = typst.compile(
                str(root / _TEMPLATE),
                root=str(root),
                font_paths=[str(_FONTS), *(str(folder / "fonts") for folder in self._folders)],
                ignore_system_fonts=True,
                sys_inputs=inputs,
                pdf_standards=["a-3a"] if archival else [],
                timestamp=datetime.combine(view.issued, time(), UTC),
            )
        except typst.TypstError as error:
            if _NO_GLYPH in str(error):
                raise Conflict(
                    f"{document.number} has characters that no font has; put one into the documents' fonts/"
                ) from None
            raise Conflict(f"{_TEMPLATE} cannot be set: {' '.join(str(error).split())}") from None
        assert isinstance(made, bytes)
        return made
