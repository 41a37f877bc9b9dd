"""Links from what a page shows to its process in Temporal's UI."""

from nicegui import ui

from activities.runtime.settings import Settings
from api.links import in_temporal
from domain import keys


def link(settings: Settings, workflow: str, of: str = "") -> None:
    """Nothing where no address of the UI is configured. `of` says which, where a page leads to several."""
    address = in_temporal(settings, workflow)
    if address:
        name = f"Temporal: {of}" if of else "Temporal"
        ui.link(name, address, new_tab=True).classes("small").props("rel=noopener")


def of_payment(payment_key: str) -> str:
    """The process that asked for it: of an order, of the subscription that is changed, or of the invoice that is collected."""
    subscription, changed, _ = keys.paid_subject(payment_key).partition(":change:")
    return keys.subscription_workflow(subscription) if changed else keys.payment_workflow(payment_key)
