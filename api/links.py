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
    return OrderLinks(
        self=f"{base}/v1/orders/{order}",
        events=f"{base}/v1/orders/{order}/events",
        console=f"{base}/console/orders/{order}",
        temporal=in_temporal(settings, keys.order_workflow(order)),
    )


def in_temporal(settings: Settings, workflow: str) -> str | None:
    """Where Temporal's UI shows the runs of a process; None where no address of it is configured."""
    ui = settings.temporal_ui_url
    return f"{ui}/namespaces/{settings.temporal_namespace}/workflows/{workflow}" if ui else None
