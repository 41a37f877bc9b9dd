"""Card numbers sent to every operation, in every place: none is answered, logged, or found in the database."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text

from activities.store.database import Database
from tests.api import samples

NUMBER = "4242424242424242"
WRITTEN = [NUMBER, "4242 4242 4242 4242", "4242-4242-4242-4242"]
MARKS = ["4242424242", "4242 4242", "4242-4242"]
Json = dict[str, Any]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "NUMBER"}, "note"),
        ({"items": [{"characteristics": {"seat": "NUMBER"}}]}, "items[0].characteristics.seat"),
        ({"a": {"NUMBER": 1}}, "a"),
        (["x", ["NUMBER"]], "[1][0]"),
    ],
)
async def test_the_field_is_named_and_the_number_never_repeated(
    api: httpx.AsyncClient, written: str, body: Any, field: str
) -> None:
    sent = json.loads(json.dumps(body).replace("NUMBER", written))
    answer = await api.post("/v1/orders", json=sent)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert not any(mark in answer.text for mark in MARKS)


async def test_it_is_found_as_a_number_and_behind_escapes(api: httpx.AsyncClient) -> None:
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in NUMBER)
    for body in (f'{{"note": {NUMBER}}}', f'{{"note": "{escaped}"}}'):
        answer = await api.post("/v1/orders", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "note")


async def test_it_is_found_in_what_is_no_json(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/orders", content=f"card={NUMBER}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")


async def test_an_amount_of_any_length_is_none(api: httpx.AsyncClient) -> None:
    body = {"amount": {"minor": int(NUMBER), "currency": "EUR"}}
    assert "looks like a card number" not in (await api.post("/v1/orders", json=body)).text


def places(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(method, path, request) with the number in path, query, header and body of each operation."""
    for path, operations in document["paths"].items():
        for method in operations:
            if method not in {"get", "post", "put", "patch", "delete"}:
                continue
            plain = path.replace("{", "").replace("}", "")
            for written in WRITTEN:
                yield method, plain + f"/{written}", {}
                yield method, plain, {"params": {"cursor": written}}
                yield method, plain, {"params": {"customer": f"C {written}"}}
                yield method, plain, {"headers": {"Idempotency-Key": f"key {written}"}}
            yield method, plain, {"json": samples.order(payment_method=NUMBER, external_reference=NUMBER)}


async def test_sent_everywhere_it_is_nowhere(api: httpx.AsyncClient, database: Database) -> None:
    document = (await api.get("/openapi.json")).json()
    with structlog.testing.capture_logs() as logs:
        for method, path, request in places(document):
            answer = await api.request(method, path, **request)
            assert answer.status_code in {401, 404, 405, 413, 415, 422}, (method, path)
            assert not any(mark in answer.text for mark in MARKS), (method, path)
    assert logs
    assert not any(mark in str(logs) for mark in MARKS)
    assert await tables_with(database, MARKS) == []


async def tables_with(database: Database, marks: list[str]) -> list[str]:
    """Tables with a row that holds one of `marks` in any column, as text."""
    found = []
    async with database.transaction() as connection:
        names = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        for table in (await connection.execute(names)).scalars().all():
            row = f'SELECT 1 FROM "{table}" kept WHERE kept::text LIKE ANY(:marks) LIMIT 1'
            if (await connection.execute(text(row), {"marks": [f"%{mark}%" for mark in marks]})).scalar():
                found.append(table)
    return found
