"""`turnup reconcile` sends a file as it is, and says in a line what became of it."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.workers.test_cli import turnup

ITEM = {"key": "stripe:2026-03-02:missing_in_ledger:P-1", "text": "the gateway reports P-1, but it is not booked"}


class Answers(BaseHTTPRequestHandler):
    asked: list[Any]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        self._json({"lines": 3, "booked": 2, "suspense": 1})

    def do_GET(self) -> None:
        self._json({"items": [ITEM], "next": None})

    def log_message(self, *_: object) -> None:
        pass

    def _json(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def api() -> Iterator[tuple[str, list[Any]]]:
    handler = type("Handler", (Answers,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def test_a_file_is_sent_byte_for_byte_and_its_outcome_told(tmp_path: Path, api: Any) -> None:
    url, asked = api
    content = "date;Gebühr\n".encode("cp1252")
    (tmp_path / "bank.csv").write_bytes(content)
    words = ("reconcile", "import", "bank.csv", "--format", "generic", "--account", "main")
    done = turnup(*words, cwd=tmp_path, api_url=url, api_key="k")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3 lines, 2 of them new; 1 wait in suspense.\n"
    [(path, body)] = asked
    assert path == "/v1/reconciliation/statements"
    assert (body["format"], body["account"], base64.b64decode(body["file"])) == ("generic", "main", content)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, api: Any) -> None:
    done = turnup("reconcile", "import", "none.xml", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stderr) == (1, "turnup: No such file or directory: none.xml\n")


def test_differences_are_listed_in_words(tmp_path: Path, api: Any) -> None:
    done = turnup("reconcile", "differences", cwd=tmp_path, api_url=api[0], api_key="k")

    assert (done.returncode, done.stdout) == (0, f"{ITEM['key']}\n  {ITEM['text']}\n")
