"""What every page of the console works with."""

from dataclasses import dataclass

from activities.runtime.settings import Settings
from activities.store.database import Database
from activities.store.listener import Listener
from api.console.session import Sessions
from api.context import Context


@dataclass(frozen=True)
class Console:
    context: Context
    listener: Listener
    sessions: Sessions
    settings: Settings

    @property
    def database(self) -> Database:
        return self.context.database
