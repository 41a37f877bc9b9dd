"""Tax data is read from a folder, and a bad file is named."""

from datetime import date
from pathlib import Path

import pytest

from activities.adapters.tax.tables import shipped
from domain.errors import BadInput
from tests.domain.billing.tax.samples import at

GOOD = """
name: Atlantis
reviewed: 2026-01-01
jurisdictions:
  - country: QA
    name: Atlantis
    tax: VAT
    rates:
      - {percent: "7", valid_from: 2020-01-01, source: the law}
"""


def test_the_shipped_data_is_there() -> None:
    assert shipped().rate(at("DE"), "standard", date(2026, 11, 25)).percent == 19


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "atlantis.yaml").write_text(GOOD)
    assert shipped(tmp_path).rate(at("QA"), "standard", date(2026, 1, 1)).percent == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("valid_from: 2020-01-01, ", ""), "bad.yaml: jurisdictions[0].rates[0].valid_from: Field required"),
        (GOOD.replace('"7"', "7.5"), "bad.yaml: jurisdictions[0].rates[0].percent: must be written as a string"),
        (GOOD.replace("reviewed: 2026-01-01", ""), "bad.yaml: reviewed: Field required"),
        ("name: [", "bad.yaml: is not YAML"),
        (GOOD + GOOD[GOOD.index("      - {") :], "overlaps"),
    ],
)
def test_a_bad_file_is_one_line_with_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BadInput) as refused:
        shipped(tmp_path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no tax data"):
        shipped(tmp_path)
