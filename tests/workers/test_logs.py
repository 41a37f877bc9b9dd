import logging
from collections.abc import Iterator

import pytest
import structlog

from activities.runtime.logs import set_up_logs
from activities.runtime.settings import load_settings


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
