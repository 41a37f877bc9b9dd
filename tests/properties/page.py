"""What an order's workflow says of itself, beside what the API says of the same order.

The workflow is read by what any of Temporal's clients can read: its page (current details) and its search attributes.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionDescription, WorkflowHandle
from temporalio.common import SearchAttributeKey

from activities.contracts.attributes import NEXT_DUE, ORDER_STATE, OWNER_QUEUE, WAITING_ON
from domain.money import Money
from tests.world import Json

MARKS = {"waiting": "○", "running": "▶", "held": "!", "done": "✓", "skipped": "–", "undoing": "↩", "undone": "↩"}
GIVEN_UP = "✗"
ENDED = {"completed", "partial", "failed", "cancelled", "rejected"}


@dataclass(frozen=True)
class Account:
    """What both have to say alike. `items` by id: what it is, its state, and its steps with their marks."""

    state: str
    total: str
    waiting_on: str | None
    owner: str | None
    deadline: str | None
    items: dict[str, tuple[str, str, frozenset[str]]]
    open_fallout: frozenset[str]
    attributes: tuple[str | None, ...]


async def own_page(handle: WorkflowHandle[Any, Any]) -> str:
    """The Markdown on the workflow's page."""
    metadata: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


def of_workflow(page: str, description: WorkflowExecutionDescription) -> Account:
    waiting = re.search(r"^Waiting on \*\*(.*)\*\*, owner \*\*(.*)\*\*, until (.*) UTC$", page, re.M)
    heading = re.search(r"^## Order \S+ is (.*)$", page, re.M)
    total = re.search(r", total \*\*(.*)\*\*$", page, re.M)
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    return Account(
        state=heading[1] if heading else "?",
        total=total[1] if total else "?",
        waiting_on=waiting[1] if waiting else None,
        owner=waiting[2] if waiting else None,
        deadline=waiting[3] if waiting else None,
        items={row[0]: (row[1], row[2], frozenset(filter(None, (row[3:] or [""])[0].split(", ")))) for row in rows},
        open_fallout=frozenset(re.findall(r'"fallout": "([^"]+)"', page)),
        attributes=tuple(_shown(description, key) for key in (ORDER_STATE, WAITING_ON, OWNER_QUEUE, NEXT_DUE)),
    )


def of_api(order: Json) -> Account:
    return Account(
        state=_words(order["state"]),
        total=str(Money.model_validate(order["total"])),
        waiting_on=_cell(order["waiting_on"]),
        owner=order["owner"],
        deadline=_moment(order["deadline"]),
        items={item["item"]: _row(order, item) for item in order["items"]},
        open_fallout=frozenset(record["id"] for record in order["fallout"] if record["verb"] is None),
        attributes=(order["state"], order["waiting_on"], order["owner"], _second(order["deadline"])),
    )


def differences(workflow: Account, api: Account) -> dict[str, tuple[object, object]]:
    """What they say otherwise: the workflow first. One that had ended already when it was run again tells of no items."""
    said, read = asdict(workflow), asdict(api)
    silent = {"items", "total"} if workflow.state in ENDED and not workflow.items else set()
    return {name: (said[name], read[name]) for name in said if said[name] != read[name] and name not in silent}


def is_at_rest(description: WorkflowExecutionDescription) -> bool:
    """Nothing is under way: what is out, if anything, waits for its next try. Time alone, or somebody, moves it on."""
    raw = description.raw_description
    backing_off = (
        pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and pending.attempt > 1
        for pending in raw.pending_activities
    )
    return not raw.HasField("pending_workflow_task") and all(backing_off)


def _row(order: Json, item: Json) -> tuple[str, str, frozenset[str]]:
    asked = next((one for one in order["order"]["items"] if one["id"] == item["item"]), None)
    what = f"{asked['plan']['name']} × {asked['quantity']}" if asked else "removed"
    steps = (step for step in order["steps"] if step["item"] == item["item"])
    marked = frozenset(f"{MARKS.get(step['state'], GIVEN_UP)} {step['name']}" for step in steps)
    return what, _words(item["state"]), marked


def _shown(description: WorkflowExecutionDescription, key: SearchAttributeKey[Any]) -> str | None:
    value = description.typed_search_attributes.get(key)
    return value if isinstance(value, str) or value is None else str(value.isoformat())[:19]


def _second(moment: str | None) -> str | None:
    return moment[:19] if moment else None


def _moment(moment: str | None) -> str | None:
    """2026-01-02T10:30:00Z → 02 Jan 10:30"""
    return f"{datetime.fromisoformat(moment):%d %b %H:%M}" if moment else None


def _words(state: str) -> str:
    return state.replace("_", " ")


def _cell(text: str | None) -> str | None:
    """As a page writes a text that comes from outside."""
    if text is None:
        return None
    return text.replace("|", "/").replace("`", "'").replace("<", "‹").replace("\n", " ")[:200]
