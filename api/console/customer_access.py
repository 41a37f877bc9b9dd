"""What a customer may use: its services with what blocks them, and each thing they grant with its source."""

from functools import partial

from nicegui import ui

from activities.store.customer_views import Blocked
from activities.store.entitlements import Entitlement
from activities.store.services import Service
from api.console import moments, notices
from api.console.addresses import of_order, of_subscription
from api.console.chip import chip
from api.console.facts import link
from api.console.look import words
from api.console.table import Cell, table
from domain import keys


def cards(services: list[Service], entitled: list[Entitlement], blocked: list[Blocked]) -> None:
    if services:
        with ui.element("div").classes("card flush"):
            notices.card_head("Services")
            _services(services, blocked)
    if entitled:
        with ui.element("div").classes("card flush"):
            notices.card_head("What it may use, and why")
            _entitlements(entitled, services, blocked)


def _services(services: list[Service], blocked: list[Blocked]) -> None:
    rows = [
        (
            f"{each.plan} × {each.quantity}",
            lambda each=each: chip(each.state),
            link(each.order_id, of_order(each.order_id)),
            _subscription(each),
            _why_not(each.id, blocked),
            each.remote_id or "",
        )
        for each in services
    ]
    table(("Service", "State", "Order", "Subscription", "Blocked by", "Known there as"), rows)


def _entitlements(entitled: list[Entitlement], services: list[Service], blocked: list[Blocked]) -> None:
    known = {each.id: each for each in services}
    rows = [
        (
            each.feature,
            each.value,
            partial(_holds, each),
            _subscription(known[each.source]) if each.source in known else each.source,
            moments.day(each.granted_at),
            _why_not(each.source, blocked) if each.revoked_at is None else f"ended {moments.day(each.revoked_at)}",
        )
        for each in entitled
    ]
    table(("May use", "Value", "Now", "Granted by", "Since", "Why not"), rows)


def _holds(each: Entitlement) -> None:
    if each.revoked_at is not None:
        chip("ended", "revoked")
    elif each.suspended:
        chip("suspended", "blocked")
    else:
        chip("active", "may be used")


def _subscription(service: Service) -> Cell:
    name = keys.subscription(service.order_id, service.item)
    return link(name, of_subscription(name))


def _why_not(service: str, blocked: list[Blocked]) -> str:
    return ", ".join(f"{words(each.reason)} ({each.source})" for each in blocked if each.service == service)
