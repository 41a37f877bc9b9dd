import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.workers import commands
from tests.workers.conftest import StackProcess

LINKS = {"self": "http://turnup.example/v1/orders/O-1", "temporal": None}
ORDER = {
    "id": "O-1",
    "state": "completed",
    "customer": "acme",
    "total": {"minor": 19690, "currency": "EUR"},
    "placed_by": "ben",
    "placed_at": "2026-11-25T01:35:02Z",
    "links": LINKS,
}
NOTHING = {"minor": 0, "currency": "EUR"}
UNDONE = {
    "order": "O-1",
    "possible": True,
    "complete": True,
    "refunded": NOTHING,
    "released": {"minor": 19690, "currency": "EUR"},
    "kept": NOTHING,
    "items": [],
    "message": "everything is undone",
}
EVENTS = [("order.acknowledged", "order accepted"), ("order.completed", "order is live")]
Asked = list[tuple[str, str, dict[str, str], Any]]


class Answers(BaseHTTPRequestHandler):
    """A stand-in for the API that notes what it was asked, and drops the event stream once."""

    asked: Asked

    def do_GET(self) -> None:
        self._note(None)
        if self.path.endswith("/events"):
            self._stream()
        elif self.path.startswith("/v1/orders?"):
            self._json(200, {"items": [ORDER], "next": None})
        else:
            self._json(404, {"title": "Not found", "detail": "there is no order O-9", "status": 404})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note(body)
        if body.get("customer") == "":
            errors = [{"field": "customer", "message": "needs a name"}, {"field": "currency", "message": "is required"}]
            self._json(422, {"title": "Wrong input", "detail": body["told"], "errors": errors})
        elif self.path.startswith("/v1/orders/O-1/cancel"):
            self._json(202, {"accepted": True, "preview": UNDONE})
        elif self.path == "/v1/orders":
            self._json(202, ORDER)
        else:
            self._json(200, {"message": "noted"})

    def log_message(self, *_: object) -> None:
        pass

    def _stream(self) -> None:
        seen = int(self.headers.get("Last-Event-ID") or 0)
        kind, summary = EVENTS[seen]
        event = {"at": "2026-11-25T01:02:03Z", "type": kind, "summary": summary}
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
def api() -> Iterator[tuple[str, Asked]]:
    handler = type("Handler", (Answers,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def turnup(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return commands.run(words, cwd, **{f"TURNUP_{name.upper()}": value for name, value in settings.items()})


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
    turnup("orders", "submit", "order.json", "--key", "mine", cwd=tmp_path, api_url=url, api_key="tk_x_y")

    [(method, path, headers, body), (_, _, again, _)] = asked
    assert (method, path, body) == ("POST", "/v1/orders", {"customer": "acme"})
    assert headers["Authorization"] == "Bearer tk_x_y"
    assert headers["Idempotency-Key"]
    assert again["Idempotency-Key"] == "mine"
    assert done.stdout.splitlines() == [
        "O-1  completed  196.90 EUR",
        "turnup orders watch O-1   shows each thing that happens to it",
    ]


def test_an_order_that_may_have_arrived_can_be_sent_again_under_its_key(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text("{}")

    done = turnup("orders", "submit", "order.json", "--key", "mine", cwd=tmp_path, api_url="http://127.0.0.1:1", api_key="k")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--key mine" in done.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("the order is not valid", "the order is not valid; customer: needs a name; currency: is required (422)"),
        ("customer: needs a name; and 1 more", "customer: needs a name; currency: is required (422)"),
    ],
)
def test_a_problem_is_one_line_that_says_each_thing_once(tmp_path: Path, api: Any, told: str, said: str) -> None:
    (tmp_path / "order.json").write_text(json.dumps({"customer": "", "told": told}))

    done = turnup("orders", "submit", "order.json", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stderr) == (1, f"turnup: {said}\n")


@pytest.mark.parametrize(("content", "said"), [("{", "is not JSON"), (None, "No such file")])
def test_an_order_that_cannot_be_read_is_one_line(tmp_path: Path, api: Any, content: str | None, said: str) -> None:
    if content:
        (tmp_path / "order.json").write_text(content)

    done = turnup("orders", "submit", "order.json", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr


def test_watching_goes_on_where_the_connection_broke_and_ends_with_the_order(tmp_path: Path, api: Any) -> None:
    done = turnup("orders", "watch", "O-1", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stdout.splitlines()) == (0, ["01:02:03  order accepted", "01:02:03  order is live"])


def test_what_is_asked_of_orders_and_fallout_is_what_the_api_is_sent(tmp_path: Path, api: Any) -> None:
    url, asked = api
    for words in (
        ("orders", "list", "--state", "completed", "--customer", "acme"),
        ("orders", "approve", "O-1", "--reason", "agreed"),
        ("orders", "cancel", "O-1", "--reason", "moved"),
        ("orders", "cancel", "O-1", "--item", "1", "--item", "2", "--accept-partial"),
        ("fallout", "retry", "O-1:1:dig:fallout:1", "--data", "address=Elm Street 1, Ulm"),
        ("fallout", "resolve", "O-1:1:dig:fallout:1", "--evidence", "ticket 4711"),
        ("fallout", "skip", "O-1:1:dig:fallout:1", "--reason", "customer agreed"),
        ("fallout", "compensate", "O-1:1:dig:fallout:1", "--reason", "too late"),
    ):
        done = turnup(*words, cwd=tmp_path, api_url=url, api_key="k")
        assert (done.returncode, done.stderr) == (0, "")

    fallout = "/v1/fallout/O-1:1:dig:fallout:1"
    assert [(path, body) for _method, path, _headers, body in asked] == [
        ("/v1/orders?state=completed&customer=acme&limit=20", None),
        ("/v1/orders/O-1/approvals", {"decision": "approve", "reason": "agreed"}),
        ("/v1/orders/O-1/cancel", {"reason": "moved", "accept_partial": False, "items": []}),
        ("/v1/orders/O-1/cancel", {"reason": "", "accept_partial": True, "items": ["1", "2"]}),
        (f"{fallout}/retry", {"reason": "", "data": {"address": "Elm Street 1, Ulm"}}),
        (f"{fallout}/resolve", {"reason": "", "evidence": "ticket 4711"}),
        (f"{fallout}/skip", {"reason": "customer agreed"}),
        (f"{fallout}/compensate", {"reason": "too late"}),
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
