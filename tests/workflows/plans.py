"""Steps for the plans of tests."""

from typing import Any

QUICK = {"attempts": 2, "first_wait": 1}
"""Two tries a second apart: short on the virtual clock."""

Step = dict[str, Any]


def build(step: str = "build", partner: str = "mailhub", **changes: Any) -> Step:
    """Create the service at a partner, undone by terminating it."""
    made = {"id": step, "name": f"Build {step}", "adapter": partner, "verb": "create", "undo": "terminate", "retry": QUICK}
    return made | changes


def built(needs: str = "build", **changes: Any) -> Step:
    """Wait for the asynchronous partner."""
    made = {"id": "built", "name": "Is built", "kind": "wait_partner", "adapter": "fibreworks", "needs": [needs]}
    return made | {"timeout": 3600, "poll_every": 600} | changes


def access(**changes: Any) -> Step:
    """Grant the plan's entitlements, after the capture."""
    made = {"id": "access", "name": "Grant access", "stage": "activate", "adapter": "entitlements", "verb": "activate"}
    return made | {"undo": "terminate", "retry": QUICK} | changes


def by_hand(step: str = "by-hand", **changes: Any) -> Step:
    """A person's task; a handy place for an order to stand still."""
    return {"id": step, "name": f"Do {step}", "kind": "manual", "timeout": 3600} | changes
