"""What every gateway's adapter must do, held against each gateway that runs on this machine."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from activities.adapters.gateway.port import Gateway
from domain.errors import Refused
from domain.gateway_events import GatewayEventKind
from domain.money import Money
from domain.payments import CaptureRequest, Outcome, PaymentRequest, RefundRequest, RemotePayment
from tests.activities.adapters.gateway_peers import CANNOT, STARTS, Fact, Peer, shown_by_all_who_can

pytestmark = pytest.mark.asyncio(loop_scope="session")
NUMBERS = itertools.count(70001)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


class Case:
    """One test's own payment."""

    def __init__(self, peer: Peer) -> None:
        self.order = f"O-{next(NUMBERS)}"
        self.key = f"{self.order}:payment:1"
        self._peer = peer

    def payment(self, kind: str = "good", minor: int = 5000) -> PaymentRequest:
        return PaymentRequest(key=self.key, amount=eur(minor), method=self._peer.methods[kind], off_session=True)

    def capture(self, minor: int = 5000) -> CaptureRequest:
        return CaptureRequest(key=self.key, amount=eur(minor))

    def refund(self, minor: int, item: str = "1") -> RefundRequest:
        return RefundRequest(key=self.key, refund_key=f"{self.key}:refund:{item}", amount=eur(minor))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peer]:
    async with STARTS[request.param](tmp_path_factory.mktemp("peer")) as running:
        yield running


@pytest.fixture
def case(peer: Peer) -> Case:
    return Case(peer)


@pytest.fixture
def gateway(peer: Peer) -> Gateway:
    return peer.adapter()


def refused(code: str) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda refusal: refusal.code == code)


@shown_by_all_who_can(Fact.hold)
async def test_money_is_held_taken_in_part_and_given_back_up_to_what_was_taken(
    peer: Peer, case: Case, gateway: Gateway
) -> None:
    held = await gateway.authorize(case.payment())
    assert (held.outcome, held.state, held.authorized) == (Outcome.succeeded, RemotePayment.authorized, eur(5000))
    with refused("amount_too_large"):
        await gateway.capture(case.capture(5001))

    taken = [await gateway.capture(case.capture(3000)) for _ in range(2)]
    with refused("already_captured"):
        await gateway.void(case.key)
    named = case.refund(1000).model_copy(update={"reference": held.reference})
    back = [await peer.adapter().refund(each) for each in (case.refund(1000), named)]
    assert (await peer.adapter().status(case.key, held.reference)).captured == eur(3000)
    with refused("refund_exceeds_captured"):
        await gateway.refund(case.refund(2001, "2"))
    whole = await gateway.refund(case.refund(2000, "3"))

    assert [(each.state, each.captured) for each in taken] == [(RemotePayment.captured, eur(3000))] * 2
    assert [(each.state, each.refunded) for each in back] == [(RemotePayment.captured, eur(1000))] * 2
    assert (whole.state, whole.refunded) == (RemotePayment.refunded, eur(3000))


@shown_by_all_who_can(Fact.same_key)
async def test_the_same_key_is_one_payment(peer: Peer, case: Case) -> None:
    results = [await peer.adapter().purchase(case.payment()) for _ in range(3)]
    together = await asyncio.gather(*(peer.adapter().purchase(case.payment()) for _ in range(3)))

    assert len({result.reference for result in (*results, *together)}) == 1
    assert await peer.count(case.key) == 1


@shown_by_all_who_can(Fact.same_body)
async def test_the_same_key_with_another_amount_is_refused(case: Case, gateway: Gateway) -> None:
    await gateway.authorize(case.payment())
    with refused("idempotency_conflict"):
        await gateway.authorize(case.payment(minor=5001))


@shown_by_all_who_can(Fact.lost_answer)
async def test_what_has_become_of_a_lost_answer_is_known_by_its_key(peer: Peer, case: Case, gateway: Gateway) -> None:
    await peer.strike(case.order, "lost")

    asked = await gateway.purchase(case.payment())
    found = await peer.adapter().status(case.key)

    assert asked.outcome is Outcome.unknown
    assert (found.outcome, found.state, found.captured) == (Outcome.succeeded, RemotePayment.captured, eur(5000))
    assert await peer.count(case.key) == 1


@shown_by_all_who_can(Fact.nothing_happened)
async def test_an_error_is_unknown_and_being_turned_away_is_not_attempted(peer: Peer, case: Case, gateway: Gateway) -> None:
    await peer.strike(case.order, "broken")
    broken = await gateway.purchase(case.payment())
    await peer.strike(case.order, "limited")
    limited = await gateway.purchase(case.payment())

    assert (broken.outcome, limited.outcome) == (Outcome.unknown, Outcome.not_attempted)
    assert (await gateway.status(case.key)).state is RemotePayment.absent
    assert await peer.count(case.key) == 0


@shown_by_all_who_can(Fact.soft_decline)
async def test_a_card_that_may_do_later_is_a_soft_decline(peer: Peer, case: Case, gateway: Gateway) -> None:
    answers = [await gateway.authorize(case.payment("soft")), await peer.adapter().status(case.key)]

    assert {(each.outcome, each.state, each.code) for each in answers} == {
        (Outcome.declined_soft, RemotePayment.declined, "insufficient_funds")
    }


@shown_by_all_who_can(Fact.hard_decline)
async def test_a_card_that_will_not_do_is_a_hard_decline_and_leaves_nothing_to_undo(
    peer: Peer, case: Case, gateway: Gateway
) -> None:
    answers = [await gateway.authorize(case.payment("hard")), await peer.adapter().status(case.key)]
    undone = await gateway.void(case.key)

    assert {(each.outcome, each.state) for each in answers} == {(Outcome.declined_hard, RemotePayment.declined)}
    assert (undone.outcome, undone.state) == (Outcome.succeeded, RemotePayment.declined)


@shown_by_all_who_can(Fact.void)
async def test_a_hold_is_released_once_and_then_not_captured(peer: Peer, case: Case, gateway: Gateway) -> None:
    await gateway.authorize(case.payment())

    assert [(await peer.adapter().void(case.key)).state for _ in range(2)] == [RemotePayment.voided] * 2
    with refused("already_voided"):
        await gateway.capture(case.capture())


@shown_by_all_who_can(Fact.method)
async def test_a_card_is_kept_for_later_and_described(peer: Peer, case: Case) -> None:
    gateway = peer.adapter()
    kept = await gateway.tokenize(f"{case.order}:card:1", "C-1", peer.nonce)
    facts = await gateway.describe(kept.reference or "")
    paid = await gateway.purchase(case.payment().model_copy(update={"method": kept.reference}))

    assert (kept.outcome, paid.outcome) == (Outcome.succeeded, Outcome.succeeded)
    assert (facts.brand, facts.last4) == ("visa", "4242")
    with pytest.raises(Refused):
        await gateway.describe("pm_nobody")


@shown_by_all_who_can(Fact.forget)
async def test_a_card_that_is_forgotten_pays_for_nothing_any_more(peer: Peer, case: Case) -> None:
    gateway = peer.adapter()
    kept = (await gateway.tokenize(f"{case.order}:card:1", "C-1", peer.nonce)).reference or ""
    paid = await gateway.purchase(case.payment().model_copy(update={"method": kept}))
    for _ in range(2):
        await gateway.forget(kept)
    await gateway.forget("pm_nobody")

    with pytest.raises(Refused):
        await gateway.describe(kept)
    back = await gateway.refund(case.refund(5000))
    assert (paid.outcome, back.outcome) == (Outcome.succeeded, Outcome.succeeded)


@shown_by_all_who_can(Fact.events)
async def test_what_the_gateway_tells_is_read_and_nobody_else_is_believed(peer: Peer, case: Case, gateway: Gateway) -> None:
    await gateway.purchase(case.payment())
    headers, body = await peer.told(case.key)

    event = peer.herald().read_event(headers, body)
    with refused("bad_signature"):
        peer.herald().read_event(headers, body.replace(case.key.encode(), b"O-1:payment:1"))

    assert event is not None
    assert (event.kind, event.payment) == (GatewayEventKind.payment_changed, case.key)


@shown_by_all_who_can(Fact.unknown)
async def test_what_the_gateway_does_not_know_is_not_there(case: Case, gateway: Gateway) -> None:
    found, undone = await gateway.status(case.key), await gateway.void(case.key)

    assert (found.outcome, found.state) == (Outcome.not_attempted, RemotePayment.absent)
    assert (undone.outcome, undone.state) == (Outcome.succeeded, RemotePayment.absent)
    for call in (gateway.capture(case.capture()), gateway.refund(case.refund(100))):
        with refused("payment_absent"):
            await call


async def test_every_fact_is_shown_by_a_gateway_of_our_own_and_by_a_stripe() -> None:
    for fact in Fact:
        assert fact not in CANNOT["sandbox"]
        assert any(fact not in CANNOT[name] for name in ("localstripe", "stateful_mock")), fact
