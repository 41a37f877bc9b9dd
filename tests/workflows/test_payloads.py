"""Payloads that another release wrote."""

import json

from temporalio.api.common.v1 import Payload

from activities.runtime.temporal import DATA_CONVERTER
from domain.catalogue import Product


def test_a_field_that_a_later_release_added_is_passed_over() -> None:
    body = json.dumps({"id": "crm", "name": "CRM", "colour": "blue"}).encode()
    payload = Payload(metadata={"encoding": b"json/plain"}, data=body)

    product = DATA_CONVERTER.payload_converter.from_payload(payload, Product)

    assert product == Product(id="crm", name="CRM")
