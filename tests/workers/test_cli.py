import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.workers.conftest import ROOT, StackProcess

ENDED = {"id": "ord_1", "state": "completed", "customer": {"id": "acme"}, "items": [{"id": "1", "state": "completed"}]}
EVENTS = ["order accepted", "order is live"]


class Answers(BaseHTTPRequestHandler):
    """A stand-in for the API that notes what it was asked, and drops the event stream once."""

    asked: list[tuple[str, str, dict[str, str], Any]]

    def do_GET(self) -> None:
        self._note(None)
        if self.path.endswith("/events"):
            self._stream()
        elif self.path.startswith("/v1/orders/ord_1"):
            self._json(200, ENDED)
        elif self.path.startswith("/v1/orders?"):
            self._json(200, {"items": [ENDED]})
        else:
            self._json(404, {"title": "Not found", "detail": "there is no order ord_9", "status": 404})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note(body)
        if body.get("customer") == "":
            errors = [{"field": "customer", "message": "needs a name"}]
            self._json(422, {"title": "Wrong input", "detail": "the order is not valid", "errors": errors})
        else:
            self._json(202, ENDED)

    def log_message(self, *_: object) -> None:
        pass

    def _stream(self) -> None:
        seen = int(self.headers.get("Last-Event-ID") or 0)
        kind = "order.accepted" if seen else "step.done"
        event = {"at": "2026-11-25T01:02:03Z", "type": kind, "summary": EVENTS[seen]}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(f": hello\n\nid: {seen + 1}\ndata: {json.dumps(event)}\n\n".encode())

    def _note(self, body: Any) -> None:
        self.asked.append((self.command, self.path, dict(self.headers), body))

    def _json(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def api() -> Iterator[tuple[str, list[tuple[str, str, dict[str, str], Any]]]]:
    handler = type("Handler", (Answers,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def turnup(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNUP_")}
    named = {f"TURNUP_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "workers.cli.main", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, **named, "PYTHONPATH": str(ROOT)},
    )


def test_a_wrong_setting_ends_a_command_with_one_line_and_code_2(tmp_path: Path) -> None:
    done = turnup("doctor", cwd=tmp_path, api_port="x")

    assert (done.returncode, done.stderr.count("\n"), done.stderr[:24]) == (2, 1, "turnup: TURNUP_API_PORT:")


@pytest.mark.parametrize("command", [("migrate",), ("worker",), ("api",), ("orders", "list")])
def test_with_nothing_to_connect_to_a_command_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = turnup(*command, cwd=tmp_path)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "turnup start" in done.stderr


def test_an_order_is_submitted_with_the_key_and_an_idempotency_key(tmp_path: Path, api: Any) -> None:
    url, asked = api
    (tmp_path / "order.json").write_text('{"customer": "acme"}')

    done = turnup("orders", "submit", "order.json", cwd=tmp_path, api_url=url, api_key="tk_x_y")

    [(method, path, headers, body)] = asked
    assert (method, path, body) == ("POST", "/v1/orders", {"customer": "acme"})
    assert headers["Authorization"] == "Bearer tk_x_y"
    assert headers["Idempotency-Key"]
    assert done.stdout.startswith("ord_1  completed\n")


def test_a_problem_is_one_line_with_its_fields(tmp_path: Path, api: Any) -> None:
    (tmp_path / "order.json").write_text('{"customer": ""}')

    done = turnup("orders", "submit", "order.json", cwd=tmp_path, api_url=api[0], api_key="k")

    assert done.stderr == "turnup: the order is not valid (422); customer: needs a name\n"
    assert done.returncode == 1


@pytest.mark.parametrize(("content", "said"), [("{", "is not JSON"), (None, "No such file")])
def test_an_order_that_cannot_be_read_is_one_line(tmp_path: Path, api: Any, content: str | None, said: str) -> None:
    if content:
        (tmp_path / "order.json").write_text(content)

    done = turnup("orders", "submit", "order.json", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr


def test_watching_goes_on_where_the_connection_broke_and_ends_with_the_order(tmp_path: Path, api: Any) -> None:
    done = turnup("orders", "watch", "ord_1", cwd=tmp_path, api_url=api[0], api_key="k")

    expected = ["01:02:03  order accepted", "01:02:03  order is live", "The order is completed."]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected)


def test_orders_are_listed_approved_and_cancelled(tmp_path: Path, api: Any) -> None:
    url, asked = api

    listed = turnup("orders", "list", "--state", "completed", cwd=tmp_path, api_url=url, api_key="k")
    turnup("orders", "approve", "ord_1", "--by", "ana", cwd=tmp_path, api_url=url, api_key="k")
    turnup("orders", "cancel", "ord_1", "--reason", "moved", cwd=tmp_path, api_url=url, api_key="k")

    assert "ord_1" in listed.stdout
    assert "acme" in listed.stdout
    assert [(path, body) for _method, path, _headers, body in asked] == [
        ("/v1/orders?state=completed&limit=20", None),
        ("/v1/orders/ord_1/approvals", {"decision": "approve", "by": "ana", "reason": ""}),
        ("/v1/orders/ord_1/cancel", {"reason": "moved"}),
    ]


def test_doctor_names_what_runs_and_what_does_not(started_stack: StackProcess, tmp_path: Path) -> None:
    done = turnup("doctor", cwd=tmp_path, data_dir=str(started_stack.data_dir))

    found = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith(("✓", "✗"))}
    assert found["database"].startswith("✓  database")
    assert str(started_stack.running.ports.postgres) in found["database"]
    assert found["temporal"].startswith("✓")
    assert found["schema"].startswith("✓")
    assert "nobody polls the task queue orders" in found["worker"]
    assert found["api"].startswith("✗")
    assert done.returncode == 1
