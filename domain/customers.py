"""Who orders."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from domain.addresses import Address, Postcode
from domain.billing.documents.parties import Text
from domain.billing.tax.jurisdictions import UNION, RegionCode
from domain.billing.tax.parties import Exemption, Party, VatProof
from domain.billing.tax.vat_ids import normal_tax_id
from domain.billing.zones import TimeZone
from domain.cards import NoCardNumber
from domain.plans import Identifier
from domain.values import CountryCode, Name, StrictValue, Value

PaymentMethod = Annotated[
    str, Field(min_length=3, max_length=100, pattern=r"^[A-Za-z0-9_:.-]+$", examples=["tok_visa"]), NoCardNumber
]
"""A gateway token."""


class Risk(StrEnum):
    normal = "normal"
    high = "high"
    blocked = "blocked"


LanguageTag = Annotated[
    str, Field(max_length=20, pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", examples=["de-AT"])
]
"""BCP 47: language, script and region."""
MOST_EXEMPTIONS = 50


class CustomerTax(StrictValue):
    """What the tax of a customer depends on besides its country. `region` and `postcode` are where it is taxed, where that is
    not its address; `vat_id` is checked by its form at once, and with the tax register of its country afterwards."""

    region: RegionCode | None = None
    postcode: Postcode | None = None
    business: bool = False
    vat_id: Annotated[str, Field(min_length=2, max_length=30, examples=["DE136695976"])] | None = None
    exemptions: Annotated[tuple[Exemption, ...], Field(max_length=MOST_EXEMPTIONS)] = ()


class Customer(StrictValue):
    """A customer's record. `payment_method` is a gateway token; no card number is ever accepted. `timezone` and `legal_entity`
    are those of the main legal entity where nothing else is said; `buyer_reference` is what it wants to find on its invoices
    (EN 16931, BT-10: a cost centre, a Leitweg-ID)."""

    id: Identifier
    name: Name
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    country: CountryCode
    verified: bool = False
    risk: Risk = Risk.normal
    payment_method: PaymentMethod | None = None
    tax: CustomerTax = CustomerTax()
    address: Address | None = None
    language: LanguageTag | None = None
    timezone: TimeZone | None = None
    legal_entity: Identifier | None = None
    buyer_reference: Text | None = None

    @field_validator("tax")
    @classmethod
    def _well_formed(cls, tax: CustomerTax, info: ValidationInfo) -> CustomerTax:
        if tax.vat_id is None or "country" not in info.data:
            return tax
        try:
            return tax.model_copy(update={"vat_id": normal_tax_id(tax.vat_id, info.data["country"])})
        except ValueError as error:
            said = PydanticCustomError("vat_id", "{words}", {"words": str(error).removeprefix("vat_id: ")})
            fault = InitErrorDetails(type=said, loc=("vat_id",), input=None)
            raise ValidationError.from_exception_data("Customer", [fault]) from None

    @property
    def checkable_vat_id(self) -> str | None:
        """The VAT id that a register of the Union knows; elsewhere a number of the right form is enough."""
        vat_id = self.tax.vat_id if self.tax.business else None
        return vat_id if vat_id and (self.country in UNION or vat_id.startswith("XI")) else None


def party_of(customer: Customer, proof: VatProof | None = None) -> Party:
    """The customer as tax law sees it; `proof` is what the register last said about its VAT id."""
    address = customer.address or Address()
    return Party(
        country=customer.country,
        region=customer.tax.region or address.region,
        postcode=customer.tax.postcode or address.postcode,
        business=customer.tax.business,
        vat_id=customer.tax.vat_id,
        vat_id_proof=proof,
        exemptions=customer.tax.exemptions,
    )


class CustomerSnapshot(Value):
    """What an order needs to know of its customer; no personal data, since it is kept in Temporal's history."""

    id: str
    country: str
    risk: Risk


def snapshot(customer: Customer) -> CustomerSnapshot:
    return CustomerSnapshot(id=customer.id, country=customer.country, risk=customer.risk)
