"""The legal entities that sell: what each is registered for, and how it numbers, gathers, taxes and collects."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.addresses import Address
from domain.billing.balance import CollectionSettings
from domain.billing.discounts import DiscountSettings
from domain.billing.documents.parties import Code, Email, LegalInformation, PaymentInstructions
from domain.billing.drafting import DraftingSettings
from domain.billing.gathering import GatheringSettings
from domain.billing.invoices import PaymentTerms
from domain.billing.numbers import DocumentKind, NumberFormat, written
from domain.billing.recognition import RecognitionSettings
from domain.billing.tax.jurisdictions import UNION
from domain.billing.tax.parties import Registration, Seller
from domain.billing.tax.settings import TaxSettings
from domain.billing.zones import local_date, zone_of
from domain.money import CurrencyCode
from domain.orders import MAIN
from domain.plans import Identifier
from domain.values import CountryCode, Name, StrictValue

UNKNOWN_COUNTRY = "ZZ"
"""What ISO 3166-1 leaves to its users: the country of a legal entity that nobody has set up."""
PREFIXES = {DocumentKind.invoice: "INV", DocumentKind.credit_note: "CN"}


class TaxSource(StrEnum):
    table = "table"
    """Our own dated rates and rules."""
    external = "external"
    """A tax engine that is asked over HTTP. While it does not answer, invoices wait."""


class LegalEntity(StrictValue):
    """Tax is charged only for what it is registered for, or through the one-stop shop (see `Seller`); without either, it
    charges none anywhere. `currency` is the one of its books. Number formats left out are INV-2026-000001 and CN-2026-000001.
    What its documents say of it (`email` to `payment`) is as in `Issuer`; its VAT id there is the number of a registration.
    """

    id: Identifier
    name: Name
    country: CountryCode
    address: Address = Address()
    email: Email | None = None
    phone: Code | None = None
    tax_number: Code | None = None
    register_number: Code | None = None
    legal_information: LegalInformation | None = None
    payment: PaymentInstructions | None = None
    currency: CurrencyCode = "EUR"
    registrations: Annotated[tuple[Registration, ...], Field(max_length=200)] = ()
    one_stop_shop: bool = False
    below_threshold: bool = False
    tax_source: TaxSource = TaxSource.table
    invoice_numbers: NumberFormat | None = None
    credit_note_numbers: NumberFormat | None = None
    tax: TaxSettings = TaxSettings()
    terms: PaymentTerms = PaymentTerms()
    gathering: GatheringSettings = GatheringSettings()
    discounts: DiscountSettings = DiscountSettings()
    collection: CollectionSettings = CollectionSettings()
    recognition: RecognitionSettings = RecognitionSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.one_stop_shop and self.below_threshold:
            raise ValueError("below_threshold: must be false where one_stop_shop is true")
        given = {"invoice_numbers": self.invoice_numbers, "credit_note_numbers": self.credit_note_numbers}
        for (field, found), kind in zip(given.items(), DocumentKind, strict=True):
            if found is not None and (found.legal_entity, found.kind) != (self.id, kind):
                raise ValueError(f"{field}: must have legal_entity {self.id!r} and kind {kind.value!r}")
        if any(given.values()) and len({written(self.number_format(kind), 2026, 1) for kind in DocumentKind}) == 1:
            raise ValueError("credit_note_numbers: must look other than those of invoices; give them another prefix")
        return self

    @property
    def seller(self) -> Seller:
        return Seller(
            legal_entity=self.id,
            country=self.country,
            region=self.address.region,
            postcode=self.address.postcode,
            registrations=self.registrations,
            one_stop_shop=self.one_stop_shop,
            below_threshold=self.below_threshold,
        )

    @property
    def drafting(self) -> DraftingSettings:
        return DraftingSettings(terms=self.terms, discounts=self.discounts, tax=self.tax)

    def number_format(self, kind: DocumentKind) -> NumberFormat:
        given = self.invoice_numbers if kind is DocumentKind.invoice else self.credit_note_numbers
        return given or NumberFormat(legal_entity=self.id, kind=kind, prefix=PREFIXES[kind])

    def today(self, now: datetime) -> date:
        """The local date that its documents bear."""
        return local_date(now, zone_of(self.gathering.timezone))

    def vat_id(self, today: date) -> str | None:
        """Its own VAT number in the Union, by which a register knows who asks."""
        held = [
            each for each in self.registrations if each.jurisdiction.country in UNION and each.holds(each.jurisdiction, today)
        ]
        at_home = [each for each in held if each.jurisdiction.country == self.country]
        return next((each.number for each in [*at_home, *held]), None)


DEFAULT = LegalEntity(id=MAIN, name="Main", country=UNKNOWN_COUNTRY)
"""Sells where no other was set up: it charges no tax."""
