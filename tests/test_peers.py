"""A machine without a browser: what cannot run there is named, and fails where nothing may be left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def without_browser(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose PATH leads to nothing."""
    kept = {name: value for name, value in os.environ.items() if name != "TURNUP_REQUIRE_PEERS"}
    return {**kept, "PATH": str(tmp_path_factory.mktemp("empty"))}


def run(environment: dict[str, str], *words: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """With the lines that say what was left out."""
    command = [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider", "tests/console/test_sign_in.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done, [line for line in done.stdout.splitlines() if line.startswith("left out, Chromium is not installed: ")]


def test_tests_without_their_browser_are_left_out_and_named_in_one_line(without_browser: dict[str, str]) -> None:
    done, said = run(without_browser)

    assert (done.returncode, len(said)) == (0, 1), done.stdout
    assert said[0].endswith("tests (test_sign_in.py)")


def test_where_peers_are_required_the_session_fails_instead(without_browser: dict[str, str]) -> None:
    """In a process beside the one that was started, as `make test` runs them; that one names what was left out, too."""
    done, said = run({**without_browser, "TURNUP_REQUIRE_PEERS": "1"}, "-n", "1")

    assert (done.returncode, len(said)) == (pytest.ExitCode.USAGE_ERROR, 1), done.stdout
    assert said[0].endswith("tests (test_sign_in.py)")
    assert "Chromium is not installed" in done.stderr
