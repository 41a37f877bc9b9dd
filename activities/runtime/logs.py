"""Log lines: for people on a terminal or as JSON, and never with a secret or what a row holds of a person in them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from activities.runtime.settings import Settings

HIDDEN = "[hidden]"
_SECRET_NAMES = ("secret", "password", "api_key", "token", "authorization", "cookie")
_SECRET_TEXTS = re.compile(
    r"whsec_[A-Za-z0-9+/=_-]+|\b[ts]k_[a-z0-9]+_[A-Za-z0-9_-]+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?<=Bearer )\S+"
    r"|(?<=DETAIL:)[^\n]*"
)
"""DETAIL is PostgreSQL's, of what was to be written: a customer's address, for one."""


def set_up_logs(settings: Settings) -> None:
    """Send structlog's and the standard library's lines to standard error in the configured form."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings.log_format)],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for unused in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile"):  # the logging HOWTO's "Optimization"
        setattr(logging, unused, None)
    for noisy in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values under secret names, and secrets recognised inside any text."""
    for name, value in event.items():
        if any(part in name.lower() for part in _SECRET_NAMES):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = _SECRET_TEXTS.sub(HIDDEN, value)
    return event


def _rendering(form: str) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer()]
    plain = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return [structlog.processors.format_exc_info, hide_secrets, plain]
