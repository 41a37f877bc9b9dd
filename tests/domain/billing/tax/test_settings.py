"""What is rounded once, by country."""

import pytest
from pydantic import ValidationError

from domain.billing.tax.settings import Scope, TaxSettings
from domain.billing.tax.supplies import Supply, SupplyCategory
from tests.domain.billing.tax.samples import at


@pytest.mark.parametrize(
    ("code", "scope"),
    [
        ("DE", "category"),
        ("GB", "category"),
        ("JP", "category"),
        ("US-NY", "document"),
        ("CA-ON", "document"),
        ("AU", "document"),
    ],
)
def test_each_country_has_its_scope(code: str, scope: str) -> None:
    assert TaxSettings().scope(at(code)) == scope


def test_an_unknown_country_is_rounded_by_category_and_a_setting_overrides_any() -> None:
    settings = TaxSettings(scopes={"GB": Scope.line})

    assert (settings.scope(at("BR")), settings.scope(at("GB"))) == (Scope.category, Scope.line)


def test_a_service_abroad_is_outside_the_scope_or_an_export() -> None:
    with pytest.raises(ValidationError, match="services_abroad"):
        TaxSettings.model_validate({"services_abroad": "S"})


def test_an_exempt_supply_names_its_reason() -> None:
    with pytest.raises(ValidationError, match="exemption_reason: an exempt supply names the rule"):
        Supply(category=SupplyCategory.exempt)
