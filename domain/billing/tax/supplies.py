"""What is sold, as tax law sorts it: electronic services, other services, and what is exempt."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.values import StrictValue


class SupplyCategory(StrEnum):
    electronic_service = "electronic_service"
    """Supplied over the internet, essentially automated (Implementing Regulation (EU) 282/2011, art. 7): software as a
    service, hosting, downloads, streaming."""
    service = "service"
    """Any other service: consulting, set-up by people, training."""
    exempt = "exempt"
    """Exempt by its nature (Directive 2006/112/EC, art. 132 and 135): education, insurance, health care."""


class Supply(StrictValue):
    """One kind of thing sold. `rate_category` names the category of rate in the tax table; where a jurisdiction has none of
    that name its standard rate holds, since reduced rates are the exception (Directive 2006/112/EC, art. 96 to 98).

    `listed_in_article_59`: one of the intangible services of art. 59 (advertising, consultants, data processing, staff …),
    which are not taxed by the Union when a consumer outside it buys them.
    """

    category: SupplyCategory = SupplyCategory.electronic_service
    rate_category: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "standard"
    listed_in_article_59: bool = False
    exemption_code: Annotated[str, Field(pattern=r"^VATEX-[A-Z0-9-]+$", examples=["VATEX-EU-132-1I"])] | None = None
    exemption_reason: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.category is SupplyCategory.exempt and not (self.exemption_code or self.exemption_reason):
            raise ValueError("exemption_reason: an exempt supply names the rule that exempts it")
        return self
