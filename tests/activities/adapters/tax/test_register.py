"""VIES: what it says, and that silence of any kind says nothing about a number."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from activities.adapters.tax.register import Vies
from domain.billing.tax.parties import VatCheck
from domain.errors import Unavailable
from tests.sandbox_server import NOBODY, RunningSandbox, serving

NOW = datetime(2026, 11, 25, tzinfo=UTC)
BUYER, SELLER = "DE136695976", "ATU12345675"
VALID = {
    "countryCode": "DE",
    "vatNumber": "136695976",
    "valid": True,
    "requestIdentifier": "WAPIAAAAY1",
    "name": "---",
    "address": "---",
}
"""As the Commission's service answers; Germany keeps the name to itself."""


def silent(fault: str) -> dict[str, Any]:
    return {"actionSucceed": False, "errorWrappers": [{"error": fault}]}


class Played:
    """Stands where VIES is; `answers` are status and body, in order."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[dict[str, Any]] = []

    async def take(self, request: Request) -> Response:
        self.asked.append(await request.json())
        status, body = self.answers.pop(0)
        return Response(body, status) if isinstance(body, str) else httpx_json(status, body)


def httpx_json(status: int, body: object) -> Response:
    return Response(httpx.Response(status, json=body).content, status, media_type="application/json")


@asynccontextmanager
async def played(*answers: tuple[int, Any]) -> AsyncIterator[tuple[Vies, Played]]:
    app, register = FastAPI(), Played()
    register.answers = list(answers)
    app.post("/rest-api/check-vat-number")(register.take)
    async with serving(app) as url, httpx.AsyncClient(trust_env=False) as client:
        yield Vies(f"{url}/rest-api", client, total_seconds=2), register


async def test_a_number_is_confirmed_with_a_consultation_number() -> None:
    async with played((200, VALID)) as (vies, register):
        proof = await vies.check(BUYER, SELLER, NOW)
    assert (proof.vat_id, proof.result, proof.consultation, proof.checked_at) == (BUYER, VatCheck.valid, "WAPIAAAAY1", NOW)
    assert (proof.service, proof.name) == ("VIES", None)
    question = {"countryCode": "DE", "vatNumber": "136695976"}
    assert register.asked == [question | {"requesterMemberStateCode": "AT", "requesterNumber": "U12345675"}]


async def test_without_a_number_of_its_own_the_seller_is_not_named() -> None:
    async with played((200, VALID | {"requestIdentifier": "", "name": "Acme"})) as (vies, register):
        proof = await vies.check(BUYER, None, NOW)
    assert (proof.consultation, proof.name) == (None, "Acme")
    assert register.asked == [{"countryCode": "DE", "vatNumber": "136695976"}]


async def test_a_seller_that_the_register_does_not_know_still_gets_an_answer() -> None:
    async with played((400, silent("INVALID_REQUESTER_INFO")), (200, VALID | {"requestIdentifier": ""})) as (vies, register):
        assert (await vies.check(BUYER, SELLER, NOW)).result is VatCheck.valid
    assert len(register.asked) == 2


@pytest.mark.parametrize("answer", [(200, VALID | {"valid": False}), (400, silent("INVALID_INPUT"))])
async def test_a_number_that_nobody_has_is_invalid(answer: tuple[int, Any]) -> None:
    async with played(answer) as (vies, _):
        proof = await vies.check(BUYER, None, NOW)
    assert (proof.result, proof.name) == (VatCheck.invalid, None)


@pytest.mark.parametrize(
    "answer",
    [
        (200, silent("MS_UNAVAILABLE")),
        (200, silent("MS_MAX_CONCURRENT_REQ")),
        (400, silent("GLOBAL_MAX_CONCURRENT_REQ")),
        (500, silent("SERVICE_UNAVAILABLE")),
        (500, "<html>"),
        (503, "down for maintenance"),
        (404, "no such page"),
        (403, "<html>"),
        (429, ""),
        (302, ""),
        (200, "<html>"),
        (200, {}),
        (200, VALID | {"vatNumber": "999999999"}),
    ],
)
async def test_what_is_no_answer_leaves_the_number_unproven(answer: tuple[int, Any]) -> None:
    async with played(answer) as (vies, _):
        with pytest.raises(Unavailable) as silence:
            await vies.check(BUYER, None, NOW)
    assert "136695976" not in str(silence.value)


async def test_a_register_that_is_not_there_leaves_the_number_unproven() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(Unavailable):
            await Vies(NOBODY, client).check(BUYER, None, NOW)
        with pytest.raises(Unavailable):
            await Vies("/register", client).check(BUYER, None, NOW)


async def test_the_sandbox_plays_the_register(sandbox: RunningSandbox) -> None:
    vies = Vies(f"{sandbox.url}/register", sandbox.client, total_seconds=1)
    assert (await vies.check(BUYER, SELLER, NOW)).consultation == "SANDBOX136695976"
    await sandbox.fault("check_vat", "decline_hard", order=BUYER)
    assert (await vies.check(BUYER, None, NOW)).result is VatCheck.invalid
    for mode in ("decline_soft", "error_500", "rate_limit", "timeout_before", "garbled"):
        await sandbox.fault("check_vat", mode, order=BUYER)
        with pytest.raises(Unavailable):
            await vies.check(BUYER, None, NOW)
