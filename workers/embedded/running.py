"""What a started stack wrote down about itself, for the commands that look for it."""

from pathlib import Path

from activities.runtime.settings import Settings
from domain.values import Instant, Value
from workers.embedded.keys import write_private
from workers.embedded.process import Mark


class Ports(Value):
    """Where each service of the stack listens on this machine."""

    api: int
    sandbox: int
    postgres: int
    temporal: int
    temporal_ui: int


class Running(Value):
    """Addresses and processes of one stack. `database_url` holds a password, so the file is private."""

    supervisor: Mark
    started_at: Instant
    ready: bool
    ports: Ports
    api_url: str
    temporal_address: str
    temporal_ui_url: str | None
    temporal_namespace: str
    sandbox_url: str
    database_url: str
    admin_key_file: Path
    processes: dict[str, Mark] = {}
    restarts: dict[str, int] = {}

    @property
    def console_url(self) -> str:
        """Where people sign in."""
        return f"{self.api_url}/console"

    @property
    def docs_url(self) -> str:
        """The API's own documentation."""
        return f"{self.api_url}/docs"

    def is_up(self) -> bool:
        """Whether its supervisor still runs."""
        return self.supervisor.process() is not None


def running_file(data_dir: Path) -> Path:
    """Where the stack of a data folder writes itself down."""
    return data_dir / "run.json"


def write_running(data_dir: Path, running: Running) -> None:
    """Replace what was written before."""
    write_private(running_file(data_dir), running.model_dump_json(indent=2))


def last_run(data_dir: Path) -> Running | None:
    """The stack that was started last, up or not; None when there was none or its record is of no use."""
    try:
        return Running.model_validate_json(running_file(data_dir).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def running_stack(data_dir: Path) -> Running | None:
    """The stack that is up on this data folder, if there is one."""
    run = last_run(data_dir)
    return run if run and run.is_up() else None


def with_running_stack(settings: Settings) -> Settings:
    """The settings, with the addresses they leave open taken from the stack that is up."""
    run = running_stack(settings.data_dir)
    if run is None:
        return settings
    found = {
        "api_url": run.api_url,
        "database_url": run.database_url,
        "temporal_address": run.temporal_address,
        "temporal_ui_url": run.temporal_ui_url,
        "sandbox_url": run.sandbox_url,
        "admin_key_file": run.admin_key_file,
    }
    return settings.model_copy(update={name: value for name, value in found.items() if getattr(settings, name) is None})
