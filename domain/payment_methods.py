"""What a customer pays with, as far as we may know it: a vault token, and what a person may be shown of it."""

from enum import StrEnum

from domain.values import Value


class MethodKind(StrEnum):
    card = "card"
    wallet = "wallet"
    sepa_debit = "sepa_debit"
    ach_debit = "ach_debit"
    transfer = "transfer"
    """The customer sends the money; it comes by statement and is matched."""

    @property
    def is_debit(self) -> bool:
        """Collected by the customer's bank over days, and returned weeks after it succeeded."""
        return self in {MethodKind.sepa_debit, MethodKind.ach_debit}


class MethodFacts(Value):
    """What a gateway says of a token. `fingerprint` is the same for the same card or account under other tokens; `mandate` is
    the reference of the payer's authority for a debit."""

    kind: MethodKind
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    country: str | None = None
    mandate: str | None = None
