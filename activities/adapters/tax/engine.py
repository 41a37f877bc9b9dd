"""Who decides on tax: our own table, or an engine that is asked over HTTP."""

from datetime import date
from typing import Annotated, Protocol

import httpx
from pydantic import Field

from activities.adapters.http import TOTAL_SECONDS, Call, Peer
from domain.billing.order_lines import no_tax
from domain.billing.tax.decisions import TaxDecision
from domain.billing.tax.parties import Party, Seller
from domain.billing.tax.place_of_supply import decide
from domain.billing.tax.rates import TaxTable
from domain.billing.tax.settings import TaxSettings
from domain.billing.tax.supplies import Supply
from domain.errors import Unavailable, Unknown
from domain.money import Money
from domain.values import Value


class SuppliedLine(Value):
    """`amount` is after discounts, and includes the tax where `inclusive`; `supplied_on` is the tax point."""

    id: Annotated[str, Field(min_length=1)]
    supply: Supply
    amount: Money
    inclusive: bool = False
    supplied_on: date


class TaxQuestion(Value):
    """One document. `key` is a business fact: the same question again has the same key."""

    key: Annotated[str, Field(min_length=1)]
    seller: Seller
    buyer: Party
    lines: tuple[SuppliedLine, ...]
    settings: TaxSettings = TaxSettings()


class TaxEngine(Protocol):
    async def decide(self, question: TaxQuestion) -> dict[str, TaxDecision]:
        """The decision for each line, by its id. Raises Unavailable where the engine does not answer: the document then waits.
        BadInput, Conflict, NotFound and Refused say what has to be put right before there can be a decision."""
        ...


class TableEngine:
    """Our own rules and rates. A seller that is registered for nothing charges no tax, whoever buys."""

    def __init__(self, table: TaxTable) -> None:
        self._table = table

    async def decide(self, question: TaxQuestion) -> dict[str, TaxDecision]:
        if not (question.seller.registrations or question.seller.one_stop_shop):
            return {line.id: no_tax(question.buyer.country) for line in question.lines}
        alike: dict[tuple[Supply, date], TaxDecision] = {}
        for line in question.lines:
            kind = (line.supply, line.supplied_on)
            if kind not in alike:
                alike[kind] = self._decided(line, question)
        return {line.id: alike[line.supply, line.supplied_on] for line in question.lines}

    def _decided(self, line: SuppliedLine, question: TaxQuestion) -> TaxDecision:
        return decide(line.supply, question.seller, question.buyer, line.supplied_on, self._table, question.settings)


class _AskedLine(Value):
    id: str
    category: str
    rate_category: str
    listed_in_article_59: bool
    amount: int
    inclusive: bool
    date: date


class _Exemption(Value):
    certificate: str
    country: str
    region: str | None


class _Asked(Value):
    """The body of `POST /decisions`. Amounts are minor units of `currency`. The buyer's name is nobody's business here."""

    document: str
    currency: str
    seller: "_Side"
    buyer: "_Side"
    lines: list[_AskedLine]


class _Side(Value):
    country: str
    region: str | None
    postcode: str | None
    legal_entity: str | None = None
    business: bool = True
    vat_id: str | None = None
    vat_id_valid: bool = False
    exemptions: list[_Exemption] = []


class _DecidedLine(TaxDecision):
    id: str


class _Decided(Value):
    lines: list[_DecidedLine]


class HttpTaxEngine:
    """An external engine behind `POST {base_url}/decisions`, which any of them fits with a small bridge.

    It is sent `document` (also the Idempotency-Key), `currency`, `seller`, `buyer` and `lines` (id, category, rate_category,
    amount, inclusive, date), and answers with `lines`: id, treatment, category (EN 16931), place and rates, each with
    jurisdiction, tax and percent (`base_percent` where only a part is taxed), reason_code, reason, note.

    Percents are taken, and amounts that an engine names besides are not: with the percent our own calculation gives the same
    amounts in preview, invoice and credit note, whatever discounts, part credits and rounding the seller has. So an engine's
    own sum of a document may differ by its rounding, never by the rate.
    """

    def __init__(self, base_url: str, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._peer = Peer("tax engine", base_url, client, total_seconds)

    async def decide(self, question: TaxQuestion) -> dict[str, TaxDecision]:
        if not question.lines:
            return {}
        call = Call("POST", ("decisions",), question.key, _asked(question))
        try:
            answer = await self._peer.call(call, _Decided)
        except Unknown as error:
            raise Unavailable(str(error)) from error  # asking changes nothing there
        found = {line.id: TaxDecision(**line.model_dump(exclude={"id"})) for line in answer.lines}
        wanted = {line.id for line in question.lines}
        if found.keys() != wanted:
            raise Unavailable(f"tax engine: decided on {len(found.keys() & wanted)} of {len(wanted)} lines of {question.key}")
        return found


def _asked(question: TaxQuestion) -> _Asked:
    at = max(line.supplied_on for line in question.lines)
    return _Asked(
        document=question.key,
        currency=question.lines[0].amount.currency,
        seller=_Side(**question.seller.model_dump(include={"legal_entity", "country", "region", "postcode"})),
        buyer=_buyer(question.buyer, at, question.settings.proof_days),
        lines=[
            _AskedLine(
                id=line.id,
                category=line.supply.category,
                rate_category=line.supply.rate_category,
                listed_in_article_59=line.supply.listed_in_article_59,
                amount=line.amount.minor,
                inclusive=line.inclusive,
                date=line.supplied_on,
            )
            for line in question.lines
        ],
    )


def _buyer(buyer: Party, at: date, proof_days: int) -> _Side:
    return _Side(
        **buyer.model_dump(include={"country", "region", "postcode", "business", "vat_id"}),
        vat_id_valid=buyer.proven(at, proof_days),
        exemptions=[
            _Exemption(certificate=paper.certificate, country=paper.jurisdiction.country, region=paper.jurisdiction.region)
            for paper in buyer.exemptions
            if paper.valid_from <= at and (paper.valid_to is None or at < paper.valid_to)
        ],
    )
