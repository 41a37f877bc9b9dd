"""Runs `turnup` commands, each in a process of its own. It is forked from one that has loaded the program: loading takes longer
than what the tests ask of it. That it loads when it is started from nothing is seen in `tests.e2e`."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(["workers.cli.main", __name__])
STREAMS = ("in", "out", "err")


def run(words: tuple[str, ...], cwd: Path, said: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """`turnup` with these words, `said` to its standard input, and with these variables instead of any TURNUP_ ones."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TURNUP_")}
    with TemporaryDirectory(prefix="turnup-test-") as folder:
        streams = Path(folder)
        (streams / "in").write_text(said, encoding="utf-8")
        process = _LOADED.Process(target=_command, args=(words, cwd, streams, {**environment, **settings}))
        process.start()
        process.join()
        out, err = ((streams / name).read_text(encoding="utf-8") for name in ("out", "err"))
    assert process.exitcode is not None
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _command(words: tuple[str, ...], cwd: Path, streams: Path, environment: dict[str, str]) -> None:
    from workers.cli.main import main

    for number, name in enumerate(STREAMS):
        os.dup2(os.open(streams / name, os.O_RDWR | os.O_CREAT), number)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["turnup", *words]
    main()
