"""Brings the database's schema to the present release, from the revisions in `deploy/migrations/versions`.

    python -m workers.migrate

does that for the database of `TURNUP_DATABASE_URL`, and

    python -m workers.migrate "what the revision does"

writes a new revision from the difference between the tables in the code and that database.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from activities.runtime.settings import load_settings
from domain.errors import TurnupError

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "migrations"
ONE_AT_A_TIME = 7_483_921
"""The advisory lock that keeps two starting processes from migrating at once."""


class MigrationFailed(TurnupError):
    """One line: the database does not answer, or could not be brought to the present release."""


async def upgrade(database_url: str) -> None:
    """Apply what is missing, all of it or nothing. Raises `MigrationFailed`."""
    await _on(database_url, _upgrade)


async def revisions(database_url: str) -> tuple[str | None, str | None]:
    """The revision the database is at, and the one this release wants. Raises `MigrationFailed`."""
    current = await _on(database_url, lambda found: MigrationContext.configure(found).get_current_revision())
    return current, ScriptDirectory.from_config(_config()).get_current_head()


async def server_version(database_url: str) -> str:
    """As PostgreSQL says it, for example ``18.6``. Raises `MigrationFailed` when it does not answer."""
    return str(await _on(database_url, lambda found: found.scalar(sa.text("SHOW server_version"))))


async def write_revision(database_url: str, message: str) -> None:
    """Write a new revision file from the difference between the code's tables and the database."""
    await _on(database_url, lambda found: command.revision(_config(found, writes=True), message, autogenerate=True))


async def _on(database_url: str, work: Any) -> Any:
    engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise MigrationFailed(f"the database cannot be used: {_first_line(error)}") from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    command.upgrade(_config(connection), "head")


def _config(connection: Connection | None = None, *, writes: bool = False) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["writes_revision"] = writes
    return config


def _first_line(error: Exception) -> str:
    """What the database itself said, where it did."""
    error = getattr(error, "orig", None) or error
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def main(arguments: list[str]) -> int:
    """The exit code; what is wrong goes to standard error in one line."""
    try:
        url = load_settings().database_url or ""
        asyncio.run(write_revision(url, *arguments) if arguments else upgrade(url))
    except TurnupError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
