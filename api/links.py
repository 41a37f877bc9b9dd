"""Where else to look at an order."""

from activities.runtime.settings import Settings
from domain import keys
from domain.values import Value


class OrderLinks(Value):
    """`temporal` is absent where no address of its UI is configured."""

    self: str
    events: str
    console: str
    temporal: str | None = None


def links(settings: Settings, order: str) -> OrderLinks:
    base = settings.public_url or ""
    ui = settings.temporal_ui_url
    workflow = f"namespaces/{settings.temporal_namespace}/workflows/{keys.order_workflow(order)}"
    return OrderLinks(
        self=f"{base}/v1/orders/{order}",
        events=f"{base}/v1/orders/{order}/events",
        console=f"{base}/console/orders/{order}",
        temporal=f"{ui}/{workflow}" if ui else None,
    )
