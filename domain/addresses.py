"""Where somebody is, as it is written on a document."""

from typing import Annotated

from pydantic import Field

from domain.billing.tax.jurisdictions import RegionCode
from domain.values import StrictValue

AddressLine = Annotated[str, Field(min_length=1, max_length=120)]
Postcode = Annotated[str, Field(min_length=1, max_length=16)]


class Address(StrictValue):
    """Personal data. Its country is that of the record it belongs to; `region` is the last part of an ISO 3166-2 code."""

    lines: Annotated[tuple[AddressLine, ...], Field(max_length=4)] = ()
    postcode: Postcode | None = None
    city: Annotated[str, Field(max_length=80)] | None = None
    region: RegionCode | None = None
