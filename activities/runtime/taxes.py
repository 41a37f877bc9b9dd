"""The tax engines as the settings name them."""

import httpx

from activities.adapters.tax.engine import HttpTaxEngine
from activities.adapters.tax.engines import TaxEngines
from activities.adapters.tax.tables import TaxTables
from activities.runtime.settings import Settings


def tax_engines(settings: Settings, client: httpx.AsyncClient) -> TaxEngines:
    """The caller closes `client`. Where no external engine is named, the sandbox plays one."""
    url = settings.tax_engine_url or f"{settings.sandbox_url or ''}/tax"
    return TaxEngines(TaxTables(settings.tax_folder), HttpTaxEngine(url, client))
