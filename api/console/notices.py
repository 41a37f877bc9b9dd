"""Pages and parts that have nothing to show but words."""

from nicegui import ui

from api.console.addresses import HOME

FIRST_ORDER = """curl -X POST {base}/v1/orders \\
  -H 'Authorization: Bearer tk_…' \\
  -H 'Content-Type: application/json' \\
  -d '{{"customer": "C-100", "currency": "EUR",
       "items": [{{"id": "1", "product": "crm", "plan": "crm-team", "quantity": 5}}]}}'"""


def notice(icon: str, title: str, text: str) -> None:
    """What is the matter, and what to do."""
    with ui.element("div").classes("card"), ui.element("div").classes("empty"):
        ui.icon(icon)
        heading(title, 1)
        ui.label(text).classes("soft")


def heading(text: str, level: int = 2) -> None:
    """`text` is shown as it is."""
    with ui.element(f"h{level}"):
        ui.label(text).classes("inline")


def card_head(text: str) -> None:
    with ui.element("div").classes("heading px-4 pt-4 pb-1"):
        heading(text)


def missing(what: str) -> None:
    """What was asked for does not exist."""
    ui.context.client.status_code = 404
    ui.page_title("Not found · Turnup")
    notice("travel_explore", f"There is no {what}", "It may be mistyped, or belong to another installation.")
    ui.link("All orders", HOME)


def no_orders_yet(base: str) -> None:
    """How to make the first one."""
    with ui.element("div").classes("empty"):
        ui.icon("inbox")
        heading("No orders yet")
        ui.label("Submit the first one from a terminal; it appears here by itself.").classes("soft")
        ui.label(FIRST_ORDER.format(base=base)).classes("shell")
