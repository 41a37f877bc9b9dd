"""An order as a row of the list: what is said of it, and how the browser draws it."""

from datetime import datetime
from typing import Any

from activities.store.views import OrderLine
from api.console import moments
from api.console.addresses import of_order, spelled_out
from api.console.look import icon_of, tone_of, words
from domain.jeopardy import Jeopardy
from domain.states import OrderState

_COLUMNS = ("Order", "Customer", "State", "Total", "Waiting on", "Owner", "Deadline", "Jeopardy", "Age")

SLOT = """
<q-tr :props="props" :data-order="props.row.id">
  <q-td class="nowrap"><a class="plain strong" :href="props.row.link">{{ props.row.id }}</a></q-td>
  <q-td><span class="label">Customer</span>{{ props.row.customer }}</q-td>
  <q-td class="nowrap"><span :class="'chip tone-' + props.row.tone"><q-icon :name="props.row.icon" aria-hidden="true"></q-icon>
    {{ props.row.state }}</span></q-td>
  <q-td class="right nowrap"><span class="label">Total</span>{{ props.row.total }}
    <span v-if="props.row.changes" class="soft small block">{{ props.row.changes }}</span></q-td>
  <q-td :class="'waits wide' + (props.row.waiting_on ? '' : ' absent')"><span class="label">Waiting on</span>
    {{ props.row.waiting_on }}</q-td>
  <q-td :class="props.row.owner ? '' : 'absent'"><span class="label">Owner</span>{{ props.row.owner }}</q-td>
  <q-td :class="'nowrap' + (props.row.deadline ? '' : ' absent')"><span class="label">Deadline</span>
    <span :class="props.row.overdue ? 'wrong' : ''">{{ props.row.deadline }}</span>
    <q-tooltip v-if="props.row.deadline">{{ props.row.deadline_at }}</q-tooltip></q-td>
  <q-td :class="'nowrap' + (props.row.jeopardy ? '' : ' absent')"><span v-if="props.row.jeopardy"
    :class="'chip tone-' + props.row.jeopardy_tone"><q-icon :name="props.row.jeopardy_icon" aria-hidden="true"></q-icon>
    {{ props.row.jeopardy }}<q-tooltip v-if="props.row.jeopardy_step">{{ props.row.jeopardy_step }}</q-tooltip></span></q-td>
  <q-td class="nowrap soft"><span class="label">Age</span>{{ props.row.age }}
    <q-tooltip>{{ props.row.placed_at }}</q-tooltip></q-td>
</q-tr>
"""
"""Vue escapes what stands in double braces, and binds attributes as values: text from outside stays text."""


def columns() -> list[dict[str, Any]]:
    return [{"name": name, "label": name, "field": "id", "align": "right" if name == "Total" else "left"} for name in _COLUMNS]


def row_of(line: OrderLine, now: datetime) -> dict[str, Any]:
    in_danger = line.jeopardy is not Jeopardy.normal
    return {
        "id": line.id,
        "link": spelled_out(of_order(line.id)),
        "customer": line.customer,
        "state": words(line.state),
        "icon": icon_of(line.state),
        "tone": tone_of(line.state),
        "total": _total(line),
        "changes": _of_changes(line),
        "waiting_on": line.waiting_on or "",
        "owner": line.owner or "",
        "deadline": moments.until(line.deadline, now) if line.deadline else "",
        "deadline_at": moments.absolute(line.deadline) if line.deadline else "",
        "overdue": bool(line.deadline and line.deadline < now),
        "jeopardy": words(line.jeopardy) if in_danger else "",
        "jeopardy_icon": icon_of(line.jeopardy),
        "jeopardy_tone": tone_of(line.jeopardy),
        "jeopardy_step": line.jeopardy_step or "",
        "age": moments.age(line.placed_at, now),
        "placed_at": moments.absolute(line.placed_at),
    }


def _total(line: OrderLine) -> str:
    """A draft is priced when it is submitted; what only changes is charged by its subscriptions."""
    if line.state is OrderState.draft:
        return "not priced yet"
    return str(line.total if line.total or not line.changes else line.changes)


def _of_changes(line: OrderLine) -> str:
    """What is charged by subscriptions and not by the order, which has nothing of its own to charge where it only changes."""
    if not line.changes:
        return ""
    return f"+ {line.changes} for changes" if line.total else "for changes"
