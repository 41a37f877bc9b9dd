"""The whole schema: what the modules of tables declare together, to hold against the migrations."""

import importlib
import pkgutil

from activities.store import tables
from activities.store.tables.base import metadata

for _module in pkgutil.iter_modules(tables.__path__):
    importlib.import_module(f"{tables.__name__}.{_module.name}")

__all__ = ["metadata"]
