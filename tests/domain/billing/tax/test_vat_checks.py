"""A VAT id is checked again in time, and sooner where its register was silent."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.billing.tax.parties import VatCheck, VatProof
from domain.billing.tax.vat_checks import next_check

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def proof(result: VatCheck) -> VatProof:
    return VatProof(vat_id="DE136695976", result=result, checked_at=NOW)


@pytest.mark.parametrize("result", [VatCheck.valid, VatCheck.invalid])
def test_an_answer_is_renewed_after_half_its_life(result: VatCheck) -> None:
    assert next_check(proof(result), 0, 90) == datetime(2026, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 360), (500, 360)])
def test_without_an_answer_the_wait_doubles_up_to_six_hours(attempts: int, minutes: int) -> None:
    assert next_check(proof(VatCheck.unavailable), attempts, 90) == NOW + timedelta(minutes=minutes)
