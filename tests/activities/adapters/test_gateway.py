"""What the sandbox's gateway does beyond what every gateway must, with each of its faults at each move."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from activities.adapters.gateway.port import Gateway
from activities.adapters.gateway.sandbox import SandboxGateway
from domain.billing.reconciliation.comparison import Movement, MovementKind
from domain.errors import Refused, Unavailable
from domain.money import Money
from domain.payments import CaptureRequest, Outcome, PaymentRequest, RefundRequest, RemotePayment
from tests.sandbox_server import RunningSandbox, running_sandbox

MOVES = ["authorize", "purchase", "capture", "void", "refund"]
NUMBERS = itertools.count(1001)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@dataclass(frozen=True)
class Case:
    """One test's own order, and the requests about its payment."""

    order: str

    @property
    def key(self) -> str:
        return f"{self.order}:payment:1"

    def refund_key(self, item: str) -> str:
        return f"{self.key}:refund:{item}"

    def payment(self, method: str = "tok_visa", minor: int = 5000) -> PaymentRequest:
        return PaymentRequest(key=self.key, amount=eur(minor), method=method)

    def capture(self, minor: int = 5000) -> CaptureRequest:
        return CaptureRequest(key=self.key, amount=eur(minor))

    def refund(self, minor: int = 5000, item: str = "1") -> RefundRequest:
        return RefundRequest(key=self.key, refund_key=self.refund_key(item), amount=eur(minor))


@pytest.fixture
def case() -> Case:
    return Case(f"O-{next(NUMBERS)}")


@pytest_asyncio.fixture(scope="module")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest_asyncio.fixture
async def sandbox(shared_sandbox: RunningSandbox, case: Case) -> AsyncIterator[RunningSandbox]:
    """The sandbox as this test's order sees it; no fault outlives the test."""
    yield shared_sandbox.of(case.order)
    await shared_sandbox.faults()


@pytest.fixture
def gateway(sandbox: RunningSandbox) -> Gateway:
    return SandboxGateway(sandbox.gateway_url, sandbox.client)


@pytest_asyncio.fixture
async def nowhere() -> AsyncIterator[SandboxGateway]:
    """A gateway at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with httpx.AsyncClient(trust_env=False) as client:
        yield SandboxGateway(f"http://127.0.0.1:{port}", client)


async def attempt(case: Case, gateway: Gateway, move: str) -> Outcome:
    """The outcome of one move on a payment that is ready for it."""
    if move in {"authorize", "purchase"}:
        return (await getattr(gateway, move)(case.payment())).outcome  # type: ignore[no-any-return]
    if move == "void":
        return (await gateway.void(case.key)).outcome
    return (await (gateway.capture(case.capture()) if move == "capture" else gateway.refund(case.refund()))).outcome


async def prepare(case: Case, gateway: Gateway, move: str) -> None:
    if move in {"capture", "void"}:
        await gateway.authorize(case.payment())
    if move == "refund":
        await gateway.purchase(case.payment())


async def test_a_stepped_up_payment_waits_until_the_payer_confirms_it(case: Case, sandbox: RunningSandbox) -> None:
    gateway = SandboxGateway(sandbox.gateway_url, sandbox.client)
    request = case.payment().model_copy(update={"step_up": True})
    started = await gateway.authorize(request)
    asked = [await gateway.status(case.key) for _ in range(10)]
    assert {result.outcome for result in (started, *asked)} == {Outcome.pending}
    assert started.action is not None
    assert await gateway.authorize(request) == started

    (await sandbox.client.post(started.action)).raise_for_status()

    confirmed = await gateway.status(case.key)
    assert (confirmed.outcome, confirmed.authorized, confirmed.action) == (Outcome.succeeded, eur(5000), None)


async def test_a_stepped_up_payment_nobody_confirms_can_be_voided(case: Case, sandbox: RunningSandbox) -> None:
    gateway = SandboxGateway(sandbox.gateway_url, sandbox.client)
    await gateway.authorize(case.payment().model_copy(update={"step_up": True}))

    voided = await gateway.void(case.key)

    assert (voided.state, voided.action) == (RemotePayment.voided, None)


async def test_a_card_that_is_declined_is_not_stepped_up(case: Case, sandbox: RunningSandbox) -> None:
    gateway = SandboxGateway(sandbox.gateway_url, sandbox.client)
    request = case.payment("tok_declined_hard").model_copy(update={"step_up": True})

    declined = await gateway.authorize(request)

    assert (declined.outcome, declined.action) == (Outcome.declined_hard, None)


async def test_partial_capture_takes_a_part_and_ends_the_hold(case: Case, gateway: Gateway) -> None:
    await gateway.authorize(case.payment())
    result = await gateway.capture(case.capture(3000))
    assert (result.state, result.captured) == (RemotePayment.captured, eur(3000))
    with pytest.raises(Refused) as refusal:
        await gateway.capture(case.capture(2000))
    assert refusal.value.code == "idempotency_conflict"


async def test_void_twice_is_one_void(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    await gateway.authorize(case.payment())
    assert await gateway.void(case.key) == await gateway.void(case.key)
    assert await sandbox.kinds() == ["authorized", "voided"]


@pytest.mark.parametrize(
    ("token", "outcome", "code"),
    [
        ("tok_declined_soft", Outcome.declined_soft, "insufficient_funds"),
        ("tok_declined_hard", Outcome.declined_hard, "stolen_card"),
        ("tok_never_issued", Outcome.declined_hard, "invalid_token"),
    ],
)
async def test_a_decline_is_an_answer(case: Case, gateway: Gateway, token: str, outcome: Outcome, code: str) -> None:
    result = await gateway.authorize(case.payment(token))
    assert (result.outcome, result.state, result.code) == (outcome, RemotePayment.declined, code)
    assert (await gateway.status(case.key)).outcome is outcome


async def test_pending_payment_succeeds_when_settled(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    assert (await gateway.purchase(case.payment("tok_pending"))).outcome is Outcome.pending
    await sandbox.settle(case.key)
    result = await gateway.status(case.key)
    assert (result.outcome, result.captured) == (Outcome.succeeded, eur(5000))


async def test_pending_payment_succeeds_when_asked_often_enough(case: Case, gateway: Gateway) -> None:
    await gateway.authorize(case.payment("tok_pending"))
    outcomes = [(await gateway.status(case.key)).outcome for _ in range(3)]
    assert outcomes == [Outcome.pending, Outcome.pending, Outcome.succeeded]


async def test_same_key_same_body_is_one_payment(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    results = await asyncio.gather(*(gateway.authorize(case.payment()) for _ in range(10)))
    assert all(result == results[0] for result in results)
    assert await sandbox.kinds() == ["authorized"]


async def test_fifty_refunds_at_once_never_exceed_what_was_captured(
    case: Case, gateway: Gateway, sandbox: RunningSandbox
) -> None:
    await gateway.purchase(case.payment(minor=5000))
    requests = (gateway.refund(case.refund(300, str(number))) for number in range(50))
    results = await asyncio.gather(*requests, return_exceptions=True)
    refusals = [result for result in results if isinstance(result, Refused)]
    assert (len(results) - len(refusals), len(refusals)) == (16, 34)
    assert (await sandbox.summary()).payments[0].refunded == eur(4800)


async def test_refund_in_another_currency_is_refused(case: Case, gateway: Gateway) -> None:
    await gateway.purchase(case.payment())
    dollars = RefundRequest(key=case.key, refund_key=case.refund_key("1"), amount=Money(minor=100, currency="USD"))
    with pytest.raises(Refused) as refusal:
        await gateway.refund(dollars)
    assert refusal.value.code == "currency_mismatch"


async def test_nonce_becomes_a_lasting_token_that_pays(case: Case, gateway: Gateway) -> None:
    token = await gateway.tokenize("C-1:card:1", "C-1", "nonce_visa")
    assert token.outcome is Outcome.succeeded
    assert token.reference is not None
    assert token == await gateway.tokenize("C-1:card:1", "C-1", "nonce_visa")
    assert (await gateway.purchase(case.payment(token.reference))).outcome is Outcome.succeeded


async def test_unknown_nonce_is_declined(case: Case, gateway: Gateway) -> None:
    result = await gateway.tokenize("C-2:card:1", "C-2", "nonce_of_nobody")
    assert (result.outcome, result.reference) == (Outcome.declined_hard, None)


async def test_card_number_is_refused_and_leaves_no_trace(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused) as refusal:
        await gateway.authorize(case.payment("4242 4242 4242 4242"))
    assert refusal.value.code == "card_number"
    assert "4242" not in str(refusal.value)
    assert await sandbox.journal() == []


@pytest.mark.parametrize("move", MOVES)
async def test_lost_reply_is_unknown_and_it_happened(case: Case, gateway: Gateway, sandbox: RunningSandbox, move: str) -> None:
    await prepare(case, gateway, move)
    before = len(await sandbox.journal())
    await sandbox.fault(move, "timeout_after", count=1)
    assert await attempt(case, gateway, move) is Outcome.unknown
    happened = await sandbox.journal()
    assert len(happened) > before
    assert await attempt(case, gateway, move) is Outcome.succeeded
    assert await sandbox.journal() == happened


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("mode", ["timeout_before", "error_500"])
async def test_no_reply_is_unknown_even_if_nothing_happened(
    case: Case, gateway: Gateway, sandbox: RunningSandbox, move: str, mode: str
) -> None:
    await prepare(case, gateway, move)
    before = await sandbox.journal()
    await sandbox.fault(move, mode, count=1)
    assert await attempt(case, gateway, move) is Outcome.unknown
    assert await sandbox.journal() == before


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("mode", ["rate_limit", "not_attempted"])
async def test_turned_away_is_not_attempted(
    case: Case, gateway: Gateway, sandbox: RunningSandbox, move: str, mode: str
) -> None:
    await prepare(case, gateway, move)
    before = await sandbox.journal()
    await sandbox.fault(move, mode, count=1)
    assert await attempt(case, gateway, move) is Outcome.not_attempted
    assert await sandbox.journal() == before


@pytest.mark.parametrize("move", MOVES)
async def test_unreadable_answer_is_unknown_and_it_happened(
    case: Case, gateway: Gateway, sandbox: RunningSandbox, move: str
) -> None:
    await prepare(case, gateway, move)
    before = len(await sandbox.journal())
    await sandbox.fault(move, "garbled", count=1)
    assert await attempt(case, gateway, move) is Outcome.unknown
    assert len(await sandbox.journal()) > before


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("mode", ["decline_soft", "decline_hard"])
async def test_ordered_decline_moves_no_money(
    case: Case, gateway: Gateway, sandbox: RunningSandbox, move: str, mode: str
) -> None:
    await prepare(case, gateway, move)
    before = await sandbox.kinds()
    await sandbox.fault(move, mode, count=1)
    assert (await attempt(case, gateway, move)).value == mode.replace("decline", "declined")
    assert await sandbox.kinds() == [*before, "declined"]


async def test_declined_void_may_be_tried_again_with_the_same_key(
    case: Case, gateway: Gateway, sandbox: RunningSandbox
) -> None:
    await gateway.authorize(case.payment())
    await sandbox.fault("void", "decline_soft", count=1)
    await gateway.void(case.key)
    assert (await gateway.void(case.key)).state is RemotePayment.voided


async def test_slow_answer_within_the_time_is_an_answer(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    await sandbox.fault("authorize", "slow", delay_seconds=0.01)
    assert (await gateway.authorize(case.payment())).outcome is Outcome.succeeded


@pytest.mark.parametrize("mode", ["slow", "timeout_after"])
async def test_answer_that_takes_too_long_is_unknown(case: Case, sandbox: RunningSandbox, mode: str) -> None:
    gateway = SandboxGateway(sandbox.gateway_url, sandbox.client, total_seconds=0.1)
    await sandbox.fault("authorize", mode, delay_seconds=60)
    assert (await gateway.authorize(case.payment())).outcome is Outcome.unknown
    assert await sandbox.kinds() == ["authorized"]


async def test_no_connection_is_not_attempted(case: Case, nowhere: SandboxGateway) -> None:
    assert (await nowhere.authorize(case.payment())).outcome is Outcome.not_attempted


async def test_status_without_a_connection_is_unknown(case: Case, nowhere: SandboxGateway) -> None:
    assert (await nowhere.status(case.key)).outcome is Outcome.unknown


@pytest.mark.parametrize("mode", ["timeout_before", "error_500", "rate_limit", "not_attempted", "garbled", "timeout_after"])
async def test_status_that_cannot_be_asked_is_unknown(case: Case, gateway: Gateway, sandbox: RunningSandbox, mode: str) -> None:
    await sandbox.fault("status", mode, count=1)
    assert (await gateway.status(case.key)).outcome is Outcome.unknown


async def test_error_texts_hold_ids_and_neither_token_nor_amount(case: Case, gateway: Gateway, sandbox: RunningSandbox) -> None:
    await sandbox.fault("authorize", "garbled")
    message = (await gateway.authorize(case.payment("tok_visa", minor=76543))).message
    assert "gateway" in message
    assert "tok_visa" not in message
    assert "76543" not in message


async def test_an_answer_from_something_else_at_that_address_is_no_word_of_the_gateway(
    case: Case, sandbox: RunningSandbox
) -> None:
    gateway = SandboxGateway(f"{sandbox.url}/wrong", sandbox.client)
    assert (await gateway.status(case.key)).outcome is Outcome.unknown


async def moved(gateway: Gateway, order: str, until: datetime | None = None) -> list[Movement]:
    """The movements of an order in the report of the last hour, all pages."""
    since, found, cursor = datetime.now(UTC) - timedelta(hours=1), [], None
    while True:
        page = await gateway.report(since, until or datetime.now(UTC) + timedelta(hours=1), cursor)
        found += [movement for movement in page.movements if movement.key.startswith(f"{order}:")]
        if (cursor := page.next) is None:
            return found


async def test_the_report_has_what_was_taken_and_given_back_by_their_keys(case: Case, gateway: Gateway) -> None:
    await gateway.purchase(case.payment())
    await gateway.refund(case.refund(2000))

    assert [(each.key, each.kind, each.amount) for each in await moved(gateway, case.order)] == [
        (case.key, MovementKind.capture, eur(5000)),
        (case.refund_key("1"), MovementKind.refund, eur(-2000)),
    ]


async def test_money_that_is_only_held_is_not_in_the_report(case: Case, gateway: Gateway) -> None:
    await gateway.authorize(case.payment())

    assert await moved(gateway, case.order) == []


async def test_the_end_of_a_report_is_not_in_it(case: Case, gateway: Gateway) -> None:
    await gateway.purchase(case.payment())
    [movement] = await moved(gateway, case.order)

    assert await moved(gateway, case.order, until=movement.at) == []


async def test_a_long_report_comes_in_pages(case: Case, gateway: Gateway) -> None:
    await gateway.purchase(case.payment(minor=1000))
    for number in range(250):
        await gateway.refund(case.refund(1, str(number)))

    found = await moved(gateway, case.order)
    assert len(found) == 251
    assert len({movement.id for movement in found}) == 251


@pytest.mark.parametrize("mode", ["error_500", "rate_limit", "garbled", "timeout_before"])
async def test_a_report_without_a_readable_answer_is_never_an_empty_one(
    case: Case, sandbox: RunningSandbox, gateway: Gateway, mode: str
) -> None:
    await RunningSandbox(sandbox.url, sandbox.client).fault("report", mode, delay_seconds=0)

    with pytest.raises(Unavailable):
        await gateway.report(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
