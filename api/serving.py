"""The API at work in a process: its database, its admin key, its console, and how it ends."""

import gc
from datetime import UTC, datetime

import uvicorn

from activities.runtime.settings import Settings, SettingsError
from activities.runtime.temporal import connect
from activities.store import api_keys
from activities.store.database import Database
from api.app import create_app
from api.console.app import mount

USUAL_PORT = 8080
GRACE = 5
"""Seconds that requests and live streams have to end when the process is asked to stop."""


async def serve(settings: Settings) -> None:
    """Serve until asked to stop. Raises SettingsError, and Unavailable where PostgreSQL does not answer at the start."""
    if settings.database_url is None:
        raise SettingsError(["TURNUP_DATABASE_URL: the API needs one; `turnup start` brings its own database"])
    database = Database(settings.database_url)
    try:
        await _register_admin_key(settings, database)
        client = await connect(settings, lazy=True)
        app = create_app(settings, database=database, client=client)
        mount(app, settings)
        gc.collect()
        gc.freeze()  # a collection that looks at all the code there is holds every request up for a fifth of a second
        await uvicorn.Server(_configuration(settings, app)).serve()
    finally:
        await database.close()


def _configuration(settings: Settings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.api_host,
        port=settings.api_port or USUAL_PORT,
        log_config=None,
        http="httptools",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


async def _register_admin_key(settings: Settings, database: Database) -> None:
    if settings.admin_key_file is None:
        return
    try:
        key = settings.admin_key_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError([f"TURNUP_ADMIN_KEY_FILE: cannot read {settings.admin_key_file}: {error.strerror}"]) from None
    async with database.transaction() as connection:
        await api_keys.ensure_bootstrap_key(connection, key, datetime.now(UTC))
