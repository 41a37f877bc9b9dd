"""Who a document is from and to, and how it is paid: what it says beside the invoice."""

import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from stdnum import bic, iban
from stdnum.exceptions import ValidationError

from domain.billing.tax.vat_ids import normal_tax_id
from domain.billing.zones import TimeZone
from domain.values import CountryCode, StrictValue

_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Co"})
"""Control characters, halves of surrogate pairs, code points without a meaning: XML 1.0 and fonts have no place for them."""


def printable(text: str) -> str:
    """The text with a space for each character that no document can show."""
    return "".join(" " if unicodedata.category(character) in _UNPRINTABLE else character for character in text).strip()


def _shown(text: str) -> str:
    if printable(text) != text:
        raise ValueError("must have no control characters, and no space at its ends")
    return text


Text = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_shown)]
Code = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_shown)]
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$", examples=["billing@example.com"]), AfterValidator(_shown)
]
LegalInformation = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_shown)]
LanguageTag = Annotated[str, Field(max_length=35, pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$", examples=["de-AT"])]
"""BCP 47; a language without a word list is answered in English."""


class Address(StrictValue):
    """As far as it is known; an electronic invoice needs lines and city."""

    lines: Annotated[tuple[Text, ...], Field(max_length=4)] = ()
    postcode: Annotated[str, Field(max_length=16), AfterValidator(_shown)] | None = None
    city: Text | None = None
    region: Text | None = None
    country: CountryCode


class Issuer(StrictValue):
    """A legal entity as it appears on its documents. `vat_id` may be of another country, where it is registered there;
    `tax_number` is that of the local tax office (BT-32), `register_number` that of the company register (BT-30), and
    `legal_information` what the law wants on letters (BT-33): form, court, directors."""

    legal_entity: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_shown)]
    name: Text
    address: Address
    vat_id: Code | None = None
    tax_number: Code | None = None
    register_number: Code | None = None
    legal_information: LegalInformation | None = None
    email: Email | None = None
    phone: Code | None = None


class Recipient(StrictValue):
    """A customer as its documents name it. The service periods are shown in days of `time_zone`; `buyer_reference` is what the
    customer wants to find on the invoice (BT-10: a cost centre, a Leitweg-ID)."""

    name: Text
    address: Address
    vat_id: Code | None = None
    email: Email | None = None
    buyer_reference: Text | None = None
    language: LanguageTag = "en"
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        if self.vat_id is not None:
            object.__setattr__(self, "vat_id", normal_tax_id(self.vat_id, self.address.country))
        return self


class PaymentMethod(StrEnum):
    transfer = "transfer"
    direct_debit = "direct_debit"
    card = "card"


class PaymentInstructions(StrictValue):
    """How the amount due reaches the issuer. A transfer goes to `iban`, or to `account` where a country has no IBAN; a direct
    debit is collected under `mandate`; a card is the one on file."""

    method: PaymentMethod = PaymentMethod.transfer
    account_holder: Text | None = None
    iban: Code | None = None
    bic: Code | None = None
    account: Text | None = None
    mandate: Code | None = None

    @model_validator(mode="after")
    def _payable(self) -> Self:
        if self.method is PaymentMethod.transfer and self.iban is None and self.account is None:
            raise ValueError("iban: a transfer needs it, or account where a country has no IBAN")
        if self.iban is not None:
            object.__setattr__(self, "iban", _checked("iban", self.iban, iban.validate, "DE89 3704 0044 0532 0130 00"))
        if self.bic is not None:
            object.__setattr__(self, "bic", _checked("bic", self.bic, bic.validate, "COBADEFFXXX"))
        return self


def _checked(field: str, number: str, validate: Callable[[str], str], example: str) -> str:
    try:
        return validate(number)
    except ValidationError:
        raise ValueError(f"{field}: has a wrong length or check digit; it looks like {example}") from None
