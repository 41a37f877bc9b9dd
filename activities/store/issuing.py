"""How a draft becomes the invoice that is issued: what is known of seller and buyer, their tax, and what the customer has."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from activities.adapters.tax.engine import TableEngine, TaxQuestion
from activities.adapters.tax.engines import TaxEngines
from activities.adapters.tax.invoices import question, with_digest
from activities.store import invoice_facts
from activities.store.database import Connection
from activities.store.invoice_facts import InvoiceFacts
from domain.billing.coupons import Redemption
from domain.billing.drafting import draft, with_tax
from domain.billing.entities import LegalEntity, TaxSource
from domain.billing.evidence import Evidence
from domain.billing.funding import issued
from domain.billing.gathering import Gathered
from domain.billing.invoices import Invoice
from domain.billing.lines import InvoiceLine
from domain.billing.order_lines import no_tax
from domain.billing.tax.decisions import TaxDecision
from domain.customers import Customer, party_of
from domain.errors import TurnupError, Unavailable

MOST_ASKED = 3
ASKED_AT_ONCE = 20

Decisions = Mapping[str, TaxDecision]
Answers = dict[str, Decisions | TurnupError]
"""What external tax engines answered, by the key of the question."""


class Unasked(Exception):
    """An external engine has to be asked this, once no transaction is open."""

    def __init__(self, asked: TaxQuestion) -> None:
        super().__init__(asked.key)
        self.question = asked


async def asking(engines: TaxEngines, work: Callable[[Answers], Awaitable[Sequence[TaxQuestion]]]) -> None:
    """Do `work`, and again with the answers as long as it leaves something to be asked of an external engine: asking takes its
    time, for which no transaction is open. Unavailable where what is asked for changes each time."""
    answers = Answers()
    for _ in range(MOST_ASKED):
        unasked = await work(answers)
        if not unasked:
            return
        answers |= await _answers(engines, unasked)
    raise Unavailable("what tax is asked for changes while it is decided; try again")


async def _answers(engines: TaxEngines, questions: Sequence[TaxQuestion]) -> Answers:
    """An engine that once did not answer is asked no more of them: each would take its whole patience."""
    limit, silent = asyncio.Semaphore(ASKED_AT_ONCE), list[Unavailable]()

    async def answer(asked: TaxQuestion) -> Decisions | TurnupError:
        async with limit:
            try:
                return silent[0] if silent else await engines.external().decide(asked)
            except Unavailable as error:
                silent.append(error)
                return error
            except TurnupError as error:
                return error

    found = await asyncio.gather(*map(answer, questions))
    return {asked.key: each for asked, each in zip(questions, found, strict=True)}


def answer_to(asked: TaxQuestion, answers: Answers) -> Decisions:
    """Raises Unasked where it is not there yet, and what the engine said instead of an answer."""
    if asked.key not in answers:
        raise Unasked(asked)
    answer = answers[asked.key]
    if isinstance(answer, TurnupError):
        raise answer
    return answer


@dataclass(frozen=True)
class Ready:
    """An invoice as it is issued, but for its number."""

    invoice: Invoice
    evidence: Evidence
    redemptions: tuple[Redemption, ...]


@dataclass(frozen=True)
class Issuing:
    """Makes one draft after the other ready, at `now`. What one takes of a customer's balance, prepaid credit and coupons is
    gone for the next."""

    facts: InvoiceFacts
    table: TableEngine
    answers: Answers
    now: datetime

    @classmethod
    async def of(
        cls, connection: Connection, engines: TaxEngines, drafts: Sequence[Gathered], answers: Answers, now: datetime
    ) -> "Issuing":
        """With what these drafts need, locked until the transaction ends."""
        table = TableEngine(await engines.tables.current(connection))
        return cls(await invoice_facts.read(connection, drafts), table, answers, now)

    def seller(self, gathered: Gathered) -> LegalEntity:
        return self.facts.sellers[gathered.group.legal_entity]

    def today(self, gathered: Gathered) -> date:
        """The legal entity's local date."""
        return self.seller(gathered).today(self.now)

    async def ready(self, gathered: Gathered, today: date) -> Ready:
        """Raises Unasked; Unavailable while its tax engine does not answer; and what else keeps it from being issued today."""
        seller = self.seller(gathered)
        buyer, proof = self.facts.buyers[gathered.group.customer]
        redemptions = self.facts.redemptions.setdefault(buyer.id, {})
        untaxed = draft(gathered, list(redemptions.values()), None, seller.drafting)
        decisions = await self._decide(untaxed.invoice.id, untaxed.invoice.lines, seller, buyer, today)
        made = with_tax(untaxed, decisions, seller.tax)
        owner = (buyer.id, made.invoice.currency)
        invoice, purse = issued(made.invoice, self.facts.purses[owner], self.now, today, seller.collection)
        self.facts.purses[owner] = purse
        redemptions.update({each.key: each for each in made.redemptions})
        evidence = Evidence(seller=seller, buyer=buyer, proof=proof, decisions=dict(decisions), settings=seller.drafting)
        return Ready(invoice=invoice, evidence=evidence, redemptions=made.redemptions)

    async def _decide(
        self, invoice: str, lines: Sequence[InvoiceLine], seller: LegalEntity, buyer: Customer, today: date
    ) -> Decisions:
        """What gives back is taxed as what it gives back was, at that time."""
        known = {line.id: self.facts.original[line.id] for line in lines if line.id in self.facts.original}
        return {**known, **await self._ask(invoice, [line for line in lines if line.id not in known], seller, buyer, today)}

    async def _ask(
        self, invoice: str, lines: Sequence[InvoiceLine], seller: LegalEntity, buyer: Customer, today: date
    ) -> Decisions:
        if not lines or not (seller.registrations or seller.one_stop_shop):
            return {line.id: no_tax(buyer.country) for line in lines}
        _, proof = self.facts.buyers[buyer.id]
        asked = question(invoice, lines, seller, party_of(buyer, proof), self.facts.supplies, today)
        if seller.tax_source is TaxSource.table:
            return await self.table.decide(asked)
        asked = with_digest(asked)
        return answer_to(asked, self.answers)
