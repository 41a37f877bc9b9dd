"""What the sandbox's gateway can say of its test tokens: the cards and accounts behind them, none of which is real."""

from datetime import datetime

from domain.payment_methods import MethodFacts, MethodKind

_YEARS_GOOD = 4


def facts_of(behaves_as: str, token: str, now: datetime) -> MethodFacts | None:
    """None for a token there is not. A card is good for years; `tok_expiring` to the end of this month, and `tok_expired` was
    to the end of January 2020. The fingerprint is of the card, whatever tokens it has; what follows a hyphen names another card
    (`tok_visa-2`)."""
    known = _FACTS.get(behaves_as)
    if known is None:
        return None
    _, _, other = token.partition("-")
    known = known.model_copy(update={"fingerprint": f"{known.fingerprint}_{other}"}) if other else known
    if known.kind not in {MethodKind.card, MethodKind.wallet}:
        return known.model_copy(update={"mandate": f"mandate_{token}"})
    month, year = _DATES.get(behaves_as, (12, now.year + _YEARS_GOOD))
    return known.model_copy(update={"exp_month": month or now.month, "exp_year": year or now.year})


_DATES = {"tok_expiring": (0, 0), "tok_expired": (1, 2020)}
"""Month and year; zero stands for the present one."""


def _card(brand: str, last4: str, country: str = "DE", kind: MethodKind = MethodKind.card) -> MethodFacts:
    return MethodFacts(kind=kind, brand=brand, last4=last4, country=country, fingerprint=f"fp_{brand}_{last4}")


def _account(kind: MethodKind, last4: str, country: str) -> MethodFacts:
    return MethodFacts(kind=kind, brand="bank", last4=last4, country=country, fingerprint=f"fp_{kind}_{last4}")


_FACTS = {
    "tok_visa": _card("visa", "4242"),
    "tok_mastercard": _card("mastercard", "4444", "AT"),
    "tok_amex": _card("amex", "8431", "US"),
    "tok_wallet": _card("visa", "1881", kind=MethodKind.wallet),
    "tok_expiring": _card("visa", "1111"),
    "tok_expired": _card("visa", "0069"),
    "tok_declined_soft": _card("visa", "9995"),
    "tok_declined_hard": _card("visa", "9979"),
    "tok_sepa_debit": _account(MethodKind.sepa_debit, "3000", "DE"),
    "tok_ach_debit": _account(MethodKind.ach_debit, "6789", "US"),
    "tok_pending": _account(MethodKind.ach_debit, "6789", "US"),
    "tok_debit_fails": _account(MethodKind.sepa_debit, "2202", "DE"),
    "tok_sepa_slow": _account(MethodKind.sepa_debit, "7305", "DE"),
    "tok_never_confirmed": _account(MethodKind.ach_debit, "0116", "US"),
}
