"""A stack in a process of its own, so that the tests can kill it as a crash would."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workers.embedded.ports import free_port
from workers.embedded.process import end
from workers.embedded.running import Running, last_run

PATIENCE = 60.0
ROOT = Path(__file__).resolve().parents[2]


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for it, and fail naming it when it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.02)


@dataclass
class StackProcess:
    """`python -m tests.workers.supervised` on one data folder, started and killed any number of times."""

    data_dir: Path
    module: tuple[str, ...] = ("-m", "tests.workers.supervised")
    starts: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def running(self) -> Running:
        found = last_run(self.data_dir)
        assert found is not None
        return found

    @property
    def _log(self) -> Path:
        return self.data_dir.with_name(f"out-{len(self.starts)}")

    def start(self) -> Running:
        self.launch()
        until(lambda: "ready\n" in self.output or self.starts[-1].poll() is not None, "the stack is ready")
        assert "ready\n" in self.output, self.output
        return self.running

    def launch(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start it on free ports, with `settings` by their names in the environment."""
        log = self.data_dir.with_name(f"out-{len(self.starts) + 1}").open("wb")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNUP_")}
        ports = {f"TURNUP_{name}_PORT": str(free_port()) for name in ("API", "SANDBOX", "POSTGRES", "TEMPORAL", "TEMPORAL_UI")}
        self.starts.append(
            subprocess.Popen(
                [sys.executable, *self.module],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**environment, **ports, "TURNUP_DATA_DIR": str(self.data_dir), **settings},
            )
        )
        return self.starts[-1]

    def kill(self, *names: str) -> None:
        """SIGKILL to the supervisor (`supervisor`) or to services by name."""
        marks = {**self.running.processes, "supervisor": self.running.supervisor}
        for name in names:
            with suppress(ProcessLookupError):  # a service whose supervisor was killed first may have ended already
                os.kill(marks[name].pid, signal.SIGKILL)
        if "supervisor" in names:
            self.starts[-1].wait()

    def stop(self) -> int:
        if self.starts[-1].poll() is None:
            self.starts[-1].send_signal(signal.SIGTERM)
        return self.starts[-1].wait(PATIENCE)

    def kill_all(self) -> None:
        """Leave nothing behind, in the quickest way."""
        if self.starts and self.starts[-1].poll() is None:
            self.starts[-1].kill()
            self.starts[-1].wait()
        written = last_run(self.data_dir)
        left = [found for mark in written.processes.values() if (found := mark.process())] if written else []
        end(left, signal.SIGKILL)


@pytest.fixture
def reachable() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture
def stack(reachable: Path) -> Iterator[StackProcess]:
    """Not started yet."""
    process = StackProcess(reachable / "turnup")
    yield process
    process.kill_all()


@pytest.fixture(scope="session")
def started_stack() -> Iterator[StackProcess]:
    """One that runs, for tests that only look at it."""
    with reachable_folder() as folder:
        process = StackProcess(folder / "turnup")
        process.start()
        yield process
        process.kill_all()


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that root's PostgreSQL can go to, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="turnup-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No setting from outside, and no `turnup.toml` in the working folder."""
    for name in list(os.environ):
        if name.startswith("TURNUP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch
