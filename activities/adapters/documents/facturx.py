"""Factur-X 1.0 (ZUGFeRD 2): the metadata that says of a PDF/A-3 that the invoice inside is its machine-readable form."""

from io import BytesIO

from drafthorse.xmp_schema import XMP_SCHEMA
from lxml import etree
from pypdf import PdfWriter
from pypdf.generic import StreamObject

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_EXTENSIONS = "{http://www.aiim.org/pdfa/ns/extension/}schemas"
_PROPERTIES = {
    "urn": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "documenttype": "INVOICE",
    "xml_filename": "factur-x.xml",
    "version": "1.0",
    "xmp_level": "EN 16931",
}
_OF_THE_PDF = dict.fromkeys(("title", "author", "subject", "producer", "creator_tool", "timestamp"), "")


def marked(pdf: bytes) -> bytes:
    """The PDF with Factur-X's properties and their schema in its XMP metadata; all else, also its dates and ids, stays."""
    writer = PdfWriter(BytesIO(pdf), incremental=True)
    metadata = writer.root_object["/Metadata"].get_object()
    assert isinstance(metadata, StreamObject)
    metadata.set_data(_extended(metadata.get_data()))
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def _extended(xmp: bytes) -> bytes:
    own = etree.fromstring(xmp)
    added = etree.fromstring(XMP_SCHEMA.format(**_PROPERTIES, **_OF_THE_PDF).strip().encode())
    _one(own, f"{_EXTENSIONS}/{_RDF}Bag").append(_one(added, f"{_EXTENSIONS}/{_RDF}Bag/{_RDF}li"))
    _one(own, f"{_RDF}RDF").append(added.findall(f".//{_RDF}Description")[-1])
    return etree.tostring(own.getroottree(), encoding="UTF-8")


def _one(root: etree._Element, path: str) -> etree._Element:
    found = root.find(f".//{path}")
    if found is None:
        raise LookupError(f"the metadata has no {path}")
    return found
