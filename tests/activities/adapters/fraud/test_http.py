"""A fraud service behind HTTP: its score, or in words why there is none."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from activities.adapters.fraud.http import HttpFraudScorer
from domain.errors import TurnupError
from domain.fraud_scores import ScoreQuestion
from domain.money import Money
from tests.sandbox_server import NOBODY, RunningSandbox, running_sandbox

ASKED = ScoreQuestion(
    key="O-7:fraud-score", order="O-7", amount=Money(minor=90000, currency="EUR"), customer="C-1", country="DE"
)


@pytest_asyncio.fixture(scope="module")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest_asyncio.fixture
async def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    await shared_sandbox.faults()
    return shared_sandbox


async def test_the_sandbox_gives_a_point_for_each_ten_units_of_money(sandbox: RunningSandbox) -> None:
    assert await HttpFraudScorer(f"{sandbox.url}/fraud", sandbox.client).score(ASKED) == 90


@pytest.mark.parametrize(
    ("mode", "said"), [("error_500", "HTTP 500"), ("garbled", "unreadable"), ("timeout_before", "no"), ("slow", "within 0.2 s")]
)
async def test_what_goes_wrong_is_said_and_no_score(sandbox: RunningSandbox, mode: str, said: str) -> None:
    await sandbox.fault("score_fraud", mode, order="O-7", delay_seconds=0.4)
    with pytest.raises(TurnupError, match=said):
        await HttpFraudScorer(f"{sandbox.url}/fraud", sandbox.client, total_seconds=0.2).score(ASKED)


async def test_a_service_that_is_not_there_is_no_score(sandbox: RunningSandbox) -> None:
    with pytest.raises(TurnupError, match="could not connect"):
        await HttpFraudScorer(NOBODY, sandbox.client).score(ASKED)


@pytest.mark.parametrize("score", ["101", "-1", "7.5", '"90"', "null"])
async def test_a_score_is_a_whole_number_of_0_to_100_and_the_key_is_shown(score: str) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer shown"
        assert request.headers["Idempotency-Key"] == "O-7:fraud-score"
        return httpx.Response(200, text=f'{{"score": {score}}}')

    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as client:
        with pytest.raises(TurnupError, match="unreadable"):
            await HttpFraudScorer("https://scores.example", client, SecretStr("shown")).score(ASKED)
