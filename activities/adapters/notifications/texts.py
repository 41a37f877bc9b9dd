"""Messages written in the customer's language."""

from pathlib import Path

from activities.adapters.documents.words import Language, language_of
from domain.billing.documents.parties import Address, Recipient
from domain.messages import Letter, Message, MessageFacts

SHIPPED = Path(__file__).resolve().parents[3] / "deploy" / "messages"


class Texts:
    """`folder` may hold `words/<language>.yaml` of your own; what is shipped is in English and German. Where yours lacks a
    word, it is the shipped one, and English is what everybody gets in whose language nobody has written a kind of message."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folders = [folder, SHIPPED] if folder is not None else [SHIPPED]

    def letter(self, message: Message, name: str, email: str | None, country: str, address: str = "") -> Letter:
        """`address` is where what it tells of can be fetched. Conflict where the words of its language are wrong."""
        reader = Recipient(name=message.customer, address=Address(country=country), language=message.language)
        subject, body = f"{message.kind}_subject", f"{message.kind}_body"
        language = language_of(reader, self._folders, {subject, body})
        values = _values(message.facts, language) | {"name": name, "address": address}
        return Letter(
            key=message.key,
            kind=message.kind,
            customer=message.customer,
            to=email,
            language=language.locale.language,
            subject=" ".join(language(subject, **values).split()),
            text=language(body, **values),
            facts=message.facts,
            at=message.at,
        )


def _values(facts: MessageFacts, language: Language) -> dict[str, str]:
    days = {"due": facts.due, "until": facts.until, "on": facts.on}
    return {
        "plan": facts.plan,
        "invoice": facts.invoice,
        "quantity": str(facts.quantity or ""),
        "amount": language.money(facts.amount) if facts.amount else "",
        **{name: language.day(day) if day else "" for name, day in days.items()},
    }
