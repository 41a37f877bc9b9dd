"""Partners' callbacks: whose they are, and that each counts once."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.api import samples
from tests.api.conftest import PARTNER_SECRET
from tests.api.test_orders import placed


def signed(
    body: str, secret: str = PARTNER_SECRET, age: timedelta = timedelta(0), changes: dict[str, str] | None = None
) -> dict[str, str]:
    sent_at, message_id = datetime.now(UTC) - age, f"msg_{secrets.token_hex(6)}"
    signature = Webhook(secret).sign(message_id, sent_at, body)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(sent_at.timestamp())), "webhook-signature": signature}
    return headers | {"Content-Type": "application/json"} | (changes or {})


@pytest.fixture
async def body(api: httpx.AsyncClient) -> str:
    order = (await placed(api, samples.order(samples.FIBRE)))["id"]
    return json.dumps({"reference": f"{order}:3", "status": "completed", "sequence": 1})


async def call(client: httpx.AsyncClient, body: str, headers: dict[str, str], partner: str = "fibreworks") -> httpx.Response:
    return await client.post(f"/v1/callbacks/{partner}", content=body, headers=headers)


async def test_a_signed_callback_is_kept_for_its_order(api: httpx.AsyncClient, anyone: httpx.AsyncClient, body: str) -> None:
    answer = await call(anyone, body, signed(body))
    assert (answer.status_code, answer.json()) == (202, {"status": "new"})
    order = json.loads(body)["reference"].split(":")[0]
    inbox = (await api.get(f"/v1/orders/{order}")).json()["inbox"]
    assert [(message["partner"], message["body"]["status"]) for message in inbox] == [("fibreworks", "completed")]


async def test_a_message_counts_once(anyone: httpx.AsyncClient, body: str) -> None:
    headers = signed(body)
    await call(anyone, body, headers)
    again = await call(anyone, body, headers)
    assert (again.status_code, again.json()) == (200, {"status": "duplicate"})


async def test_a_bad_signature_an_unknown_partner_and_a_missing_header_sound_alike(
    anyone: httpx.AsyncClient, body: str
) -> None:
    wrong = await call(anyone, body, signed(body, "whsec_c29tZWJvZHkgZWxzZQ=="))
    unknown = await call(anyone, body, signed(body), partner="stranger")
    changed = await call(anyone, body.replace("completed", "failed"), signed(body))
    garbled = await call(anyone, body, signed(body, changes={"webhook-signature": "garbled"}))
    missing = await call(anyone, body, {"Content-Type": "application/json"})
    answers = [wrong, unknown, changed, garbled, missing]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize("age", [timedelta(minutes=6), -timedelta(minutes=6)])
async def test_a_message_out_of_time_is_refused_by_its_timestamp(anyone: httpx.AsyncClient, body: str, age: timedelta) -> None:
    answer = await call(anyone, body, signed(body, age=age))
    assert answer.status_code == 401
    assert "webhook-timestamp" in answer.json()["detail"]
    assert "five minutes" in answer.json()["detail"]


async def test_a_timestamp_that_is_none_is_refused(anyone: httpx.AsyncClient, body: str) -> None:
    for timestamp in ("soon", "nan", "inf", "1e400", "99999999999999999999"):
        answer = await call(anyone, body, signed(body, changes={"webhook-timestamp": timestamp}))
        assert answer.status_code == 401, timestamp


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("{", 400),
        ("[]", 422),
        ({"reference": "O-1:1"}, 422),
        ({"reference": "O-1:1", "status": "lost"}, 422),
        ({"reference": "O-1:1", "status": "completed", "sequence": 2**40}, 422),
        ({"reference": "O-1:1", "status": "completed", "message": "a\x00"}, 422),
        ({"reference": "O-999999:1", "status": "completed"}, 404),
        ({"reference": "nonsense", "status": "completed"}, 404),
    ],
)
async def test_what_is_signed_is_checked_all_the_same(anyone: httpx.AsyncClient, content: Any, status: int) -> None:
    body = content if isinstance(content, str) else json.dumps(content)
    answer = await call(anyone, body, signed(body))
    assert answer.status_code == status, answer.text
