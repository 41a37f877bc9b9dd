"""Stripe's adapter against an independent Stripe, over real HTTP: what it does beyond what every gateway must."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from activities.adapters.gateway.stripe.gateway import StripeGateway
from domain.errors import Refused
from domain.money import Money
from domain.payment_methods import MethodKind
from domain.payments import CaptureRequest, Outcome, PaymentRequest, RefundRequest, RemotePayment
from tests import peers
from tests.stripe_charges import running_charges
from tests.stripe_server import RunningStripe, running_stripe

pytestmark = pytest.mark.asyncio(loop_scope="session")
NUMBERS = itertools.count(9001)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


class Case:
    """One test's own payment, by a card on file."""

    def __init__(self, token: str) -> None:
        self.key = f"O-{next(NUMBERS)}:payment:1"
        self.token = token

    def payment(self, minor: int = 5000) -> PaymentRequest:
        return PaymentRequest(key=self.key, amount=eur(minor), method=self.token, off_session=True)

    def capture(self, minor: int = 5000) -> CaptureRequest:
        return CaptureRequest(key=self.key, amount=eur(minor))

    def refund(self, minor: int, item: str = "1") -> RefundRequest:
        return RefundRequest(key=self.key, refund_key=f"{self.key}:refund:{item}", amount=eur(minor))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stripe() -> AsyncIterator[RunningStripe]:
    async with running_stripe() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def token(stripe: RunningStripe) -> str:
    kept = await _gateway(stripe).tokenize("C-1:card:1", "C-1", await stripe.card())
    assert kept.outcome is Outcome.succeeded, kept
    return str(kept.reference)


@pytest.fixture
def case(token: str) -> Case:
    return Case(token)


@pytest.fixture
def gateway(stripe: RunningStripe) -> StripeGateway:
    """One that remembers nothing, as after a restart."""
    stripe.faults.clear()
    return _gateway(stripe)


def _gateway(stripe: RunningStripe) -> StripeGateway:
    return StripeGateway(SecretStr("sk_test_1"), SecretStr("whsec_test"), url=stripe.url)


async def test_a_card_is_described_kept_with_its_customer_or_not(
    gateway: StripeGateway, token: str, stripe: RunningStripe
) -> None:
    facts = await gateway.describe(token)

    assert token.startswith("cus_")
    assert (facts.kind, facts.brand, facts.last4, facts.exp_month, facts.exp_year) == (
        MethodKind.card,
        "visa",
        "4242",
        12,
        2031,
    )
    assert await gateway.describe(await stripe.card()) == facts


async def test_a_token_that_stripe_does_not_know_is_refused(gateway: StripeGateway) -> None:
    with pytest.raises(Refused):
        await gateway.describe("pm_nobody")


async def test_a_payment_is_found_by_its_key_after_a_restart(case: Case, gateway: StripeGateway, stripe: RunningStripe) -> None:
    made = await gateway.authorize(case.payment())

    found = await _gateway(stripe).status(case.key)

    assert (found.reference, found.state, found.authorized) == (made.reference, RemotePayment.authorized, eur(5000))


async def test_stripes_own_name_saves_looking_for_the_key_and_is_not_believed_where_the_key_is_another(
    case: Case, gateway: StripeGateway, stripe: RunningStripe, token: str
) -> None:
    """A payment that is looked for takes a list before it is read, and those of two hours back are read a hundred at a time."""
    made, other = await gateway.authorize(case.payment()), Case(token)
    elsewhere = await gateway.authorize(other.payment(700))

    calls = []
    for reference in (None, made.reference, elsewhere.reference, "pi_nobody"):
        before = stripe.calls
        found = await _gateway(stripe).status(case.key, reference)
        calls.append(stripe.calls - before)
        assert (found.reference, found.authorized) == (made.reference, eur(5000))
    assert calls == [2, 1, 3, 3]

    named = case.capture().model_copy(update={"reference": elsewhere.reference})
    assert (await _gateway(stripe).capture(named)).reference == made.reference
    assert (await gateway.status(other.key)).state is RemotePayment.authorized
    assert (await _gateway(stripe).void(other.key, elsewhere.reference)).state is RemotePayment.voided


async def test_the_same_capture_again_is_the_same_and_another_is_refused(case: Case, gateway: StripeGateway) -> None:
    await gateway.authorize(case.payment())
    first = await gateway.capture(case.capture(3000))

    assert (await gateway.capture(case.capture(3000))).captured == first.captured
    with pytest.raises(Refused) as refusal:
        await gateway.capture(case.capture(2000))
    assert refusal.value.code == "already_captured"


async def test_a_refund_that_was_made_is_not_made_with_another_amount(case: Case, gateway: StripeGateway) -> None:
    await gateway.purchase(case.payment())
    await gateway.refund(case.refund(2000))

    with pytest.raises(Refused) as refusal:
        await gateway.refund(case.refund(2001))
    assert refusal.value.code == "idempotency_conflict"


async def test_a_refund_in_another_currency_is_refused(case: Case, gateway: StripeGateway) -> None:
    await gateway.purchase(case.payment())
    dollars = RefundRequest(key=case.key, refund_key=f"{case.key}:refund:1", amount=Money(minor=100, currency="USD"))

    with pytest.raises(Refused) as refusal:
        await gateway.refund(dollars)
    assert refusal.value.code == "currency_mismatch"


async def test_a_card_that_is_declined_is_an_answer(gateway: StripeGateway, stripe: RunningStripe) -> None:
    case = Case(await stripe.card("declined"))

    result = await gateway.authorize(case.payment())

    assert (result.outcome, result.state, result.code) == (Outcome.declined_hard, RemotePayment.declined, "card_declined")
    assert result.captured is None


async def test_a_card_that_has_to_be_confirmed_is_pending(gateway: StripeGateway, stripe: RunningStripe) -> None:
    case = Case(await stripe.card("confirm"))

    result = await gateway.authorize(case.payment().model_copy(update={"off_session": False}))

    assert (result.outcome, result.state) == (Outcome.pending, RemotePayment.pending)


@pytest.mark.parametrize("mode", ["after", "garbled"])
async def test_a_lost_answer_is_unknown_and_found_by_asking(
    case: Case, gateway: StripeGateway, stripe: RunningStripe, mode: str
) -> None:
    stripe.faults.append(("/v1/payment_intents", mode))

    result = await gateway.purchase(case.payment())

    assert result.outcome is Outcome.unknown
    assert (await _gateway(stripe).status(case.key)).captured == eur(5000)
    assert len(await stripe.intents(case.key)) == 1


async def test_where_nobody_listens_nothing_is_attempted_and_nothing_is_said_of_the_payment(case: Case) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = StripeGateway(SecretStr("sk_test_1"), url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        made, found, undone = (
            await nowhere.purchase(case.payment()),
            await nowhere.status(case.key),
            await nowhere.void(case.key),
        )

    assert made.outcome is Outcome.not_attempted
    assert found.outcome is Outcome.unknown
    assert undone.outcome is Outcome.not_attempted


@pytest.mark.needs_stateful_mock
async def test_of_more_than_a_hundred_refunds_each_counts() -> None:
    folder, case = peers.stateful_mock(), Case("pm_card_visa")
    assert folder is not None
    async with running_charges(folder) as charges:
        gateway = StripeGateway(SecretStr("sk_test_1"), url=charges.url)
        made = await gateway.purchase(case.payment())
        about = {"charge": str(made.reference).removeprefix("pi_"), "amount": "10", "metadata[turnup_key]": "of a person"}
        await asyncio.gather(*(charges.client.post("/v1/refunds", data=about) for _ in range(120)))

        assert (await gateway.status(case.key)).refunded == eur(1200)
