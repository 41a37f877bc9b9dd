import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from activities.runtime.logs import set_up_logs
from activities.runtime.settings import load_settings
from activities.store.database import Database
from domain.addresses import Address
from workers.embedded.postgres import Cluster


@pytest.fixture(autouse=True)
def as_before(bare_environment: pytest.MonkeyPatch) -> Iterator[None]:
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_secret_reaches_a_log_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(load_settings(log_format=form))

    structlog.get_logger("a").info("at", url="postgresql://turnup:hunter2@host/x", console_secret="hunter2")
    logging.getLogger("b").warning("key %s and %s", "tk_dev_hunter2", "whsec_hunter2")
    try:
        raise ValueError("Authorization: Bearer hunter2")
    except ValueError:
        structlog.get_logger("c").exception("failed")

    lines = capsys.readouterr().err
    assert "hunter2" not in lines
    assert "postgresql://[hidden]@host/x" in lines


async def test_what_a_row_holds_of_a_person_reaches_no_log_line(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a failed statement PostgreSQL and SQLAlchemy both tell what was to be written; of a bad value pydantic does."""
    set_up_logs(load_settings())
    structlog.get_logger("before").info("here")
    database, name = Database(await cluster.create_database("logs")), "Hunter Vogel"
    try:
        async with database.transaction() as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE people (name text, age integer NOT NULL)"))
            await connection.execute(text("INSERT INTO people (name) VALUES (:name)"), {"name": name})
    except IntegrityError:
        structlog.get_logger("a").exception("failed")
    await database.close()
    try:
        Address.model_validate({"line1": name, "country": [name]})
    except ValidationError:
        structlog.get_logger("b").exception("failed")

    lines = capsys.readouterr().err
    assert ("here" in lines, "NotNullViolation" in lines, "validation error" in lines) == (True, True, True)
    assert "Vogel" not in lines
