"""The API's description, and what happens when it is taken at its word."""

import asyncio
from typing import Any

import httpx
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from domain.errors import Conflict
from tests.api.conftest import StandIn

BODIED = ("post", "put", "patch")
ROUNDS = 6
"""Most requests made up for an operation, and as many as for each that has a body; where there is less to vary, fewer do."""


async def description(api: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/openapi.json")).json()
    return found


async def test_the_description_is_openapi_31(api: httpx.AsyncClient) -> None:
    assert (await description(api))["openapi"].startswith("3.1")


async def test_each_operation_with_a_body_declares_its_400(api: httpx.AsyncClient) -> None:
    paths = (await description(api))["paths"]
    bodied = [
        (path, method) for path, methods in paths.items() for method in BODIED if "requestBody" in methods.get(method, {})
    ]
    assert len(bodied) >= 14
    for path, method in bodied:
        assert "application/problem+json" in paths[path][method]["responses"]["400"]["content"], (path, method)


async def test_each_v1_operation_has_a_summary_and_says_what_it_answers_without_a_key(api: httpx.AsyncClient) -> None:
    for path, methods in (await description(api))["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            if path.startswith("/v1"):
                assert "401" in operation["responses"], (path, method)


async def test_only_signed_messages_and_operations_need_no_key(api: httpx.AsyncClient) -> None:
    paths = (await description(api))["paths"]
    open_to_all = {path for path, methods in paths.items() for operation in methods.values() if "security" not in operation}
    assert open_to_all == {"/healthz", "/readyz", "/metrics", "/v1/callbacks/{partner}", "/v1/webhooks/{gateway}"}


async def test_documentation_is_served(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/docs")).status_code == 200


async def test_no_made_up_request_gets_a_server_error(app: FastAPI, base_url: str, admin_key: str, processes: StandIn) -> None:
    """Every operation, with fixed seeds, in a thread of its own, since the server runs in this one. `/readyz` says 503 here as
    it may, and an operation without parameters has no wrong ones to make up."""
    processes.answer = Conflict("the order has ended")
    failures = await asyncio.to_thread(_try_all, app.openapi(), base_url, admin_key)
    assert failures == []


def _try_all(document: dict[str, Any], base_url: str, key: str) -> list[str]:
    failures = []
    results: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    for result in results:
        operation = result.ok()
        if operation.path == "/readyz":
            continue
        try:
            _try_one(operation, base_url, key)
        except Unsatisfiable:
            continue
        except Exception as error:
            failures.append(f"{operation.method} {operation.path}: {error}")
    return failures


def _rounds(operation: Any) -> int:
    """As many as it has parameters and two more, each with what is allowed and with what is not."""
    return ROUNDS if operation.body else min(ROUNDS, 2 + sum(1 for _ in operation.iter_parameters()))


def _try_one(operation: Any, base_url: str, key: str) -> None:
    checks = [not_a_server_error, status_code_conformance, content_type_conformance]

    @seed(20261125)
    @settings(
        max_examples=_rounds(operation),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def attempt(data: st.DataObject) -> None:
        for mode in schemathesis.GenerationMode:
            case = data.draw(operation.as_strategy(generation_mode=mode))
            if case.headers and "Accept" in case.headers:
                case.headers["Accept"] = "application/json"
            case.call_and_validate(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, checks=checks, timeout=20)

    attempt()
