"""One payment of an order: its state, and how much of it was authorized, captured and given back."""

from nicegui import ui

from api.console.addresses import of_payment
from api.console.chip import chip
from domain.facts import PaymentStatus
from domain.money import Money


def payment_entry(payment: PaymentStatus) -> None:
    with ui.element("div").classes("entry"):
        with ui.element("div").classes("row-line"):
            if payment.gateway is None:
                ui.label(f"Payment {payment.number}").classes("strong")
            else:
                ui.link(f"Payment {payment.number}", of_payment(payment.key)).classes("plain strong")
                ui.label(f"at {payment.gateway}").classes("soft small")
            chip(payment.state)
            ui.label(str(payment.amount)).classes("number")
            if payment.code:
                ui.label(payment.code).classes("wrong small")
            if payment.reference:
                ui.label(payment.reference).classes("soft small")
        _bar(payment)
        with ui.element("div").classes("facts small"):
            for name, amount in (
                ("authorized", payment.authorized),
                ("captured", payment.captured),
                ("refunded", payment.refunded),
            ):
                ui.label(f"{name} {amount}").classes("number" if amount else "number soft")


def _bar(payment: PaymentStatus) -> None:
    """Captured and kept, given back, and only authorized, each as its share of the whole."""
    kept = payment.captured - payment.refunded
    held = payment.authorized - payment.captured
    with ui.element("div").classes("meter").props("aria-hidden=true"):
        for tone, amount in (("good", kept), ("undo", payment.refunded), ("busy", held)):
            ui.element("div").classes(f"tone-{tone}").style(f"width:{_share(amount, payment.amount)}%")


def _share(part: Money, whole: Money) -> int:
    return max(0, min(100, 100 * part.minor // whole.minor)) if whole else 0
