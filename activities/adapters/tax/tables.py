"""The tax table as it is now: the dated files of a folder, and the rates that operators added."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from activities.store import tax_rates
from activities.store.database import Connection
from domain.billing.tax.overrides import overridden
from domain.billing.tax.rates import TaxTable
from domain.billing.tax.regions import TaxRegion, table_of
from domain.errors import BadInput

SHIPPED = Path(__file__).resolve().parents[3] / "deploy" / "tax"


@cache
def shipped(folder: Path = SHIPPED) -> TaxTable:
    """The table of all `*.yaml` of the folder, read once. BadInput names the file, the field and what would be right."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadInput(str(folder), "holds no tax data; it should have files such as european_union.yaml")
    regions = [_region(path) for path in files]
    try:
        return table_of(regions)
    except ValidationError as error:
        raise BadInput(str(folder), _first(error)) from None


def _region(path: Path) -> TaxRegion:
    try:
        return TaxRegion.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
    except ValidationError as error:
        raise BadInput(path.name, _first(error)) from None
    except yaml.YAMLError as error:
        raise BadInput(path.name, "is not YAML: " + " ".join(str(error).split())) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadInput(path.name, f"cannot be read: {reason}") from None


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).removeprefix(".")
    message = fault["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


class TaxTables:
    """The present table, put together anew only where a rate was added since."""

    def __init__(self, folder: Path | None = None) -> None:
        """BadInput for a bad file: a process does not start with it."""
        self._shipped = shipped(folder or SHIPPED)
        self._kept = (0, self._shipped)

    async def current(self, connection: Connection) -> TaxTable:
        """One cheap query, where nothing was added since."""
        return await self.at(connection, await tax_rates.revision(connection))

    async def at(self, connection: Connection, revision: int) -> TaxTable:
        """The table at `revision`, which is the present one; loaded only where a rate was added since."""
        if self._kept[0] != revision:
            self._kept = (revision, overridden(self._shipped, await tax_rates.every(connection)))
        return self._kept[1]
