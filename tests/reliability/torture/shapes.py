"""The orders that are tortured: which way each goes, and at which of its steps it can be caught."""

from dataclasses import dataclass
from typing import Any

from tests.workflows.plans import built
from workers.sandbox.faults import Mode, Operation

Json = dict[str, Any]
QUICK: Json = {"attempts": 6, "first_wait": 1, "longest_wait": 3}


def _step(step: str, adapter: str, verb: str, **changes: Any) -> Json:
    return {"id": step, "name": f"{verb} at {adapter}", "adapter": adapter, "verb": verb, "retry": QUICK, **changes}


BUILD = _step("build", "mailhub", "create", undo="terminate")
CHECK = _step("check", "mailhub", "verify", needs=["build"])
OPEN = _step("open", "mailhub", "activate", stage="activate", undo="terminate")
ACCESS = _step("access", "entitlements", "activate", stage="activate", undo="terminate")
NOWHERE = {"adapter": "nowhere", "verb": "activate", "on_failure": "compensate"}
"""There is no such adapter: it is refused, and the item given up."""

PLANS: dict[str, list[Json]] = {
    "mail": [BUILD, CHECK, OPEN, {**ACCESS, "needs": ["open"]}],
    "line": [
        _step("build", "fibreworks", "create", undo="terminate"),
        {**built(poll_every=5)},
        _step("check", "fibreworks", "verify", needs=["built"]),
        _step("light", "fibreworks", "activate", stage="activate", point_of_no_return=True),
        {**ACCESS, "needs": ["light"]},
    ],
    "doomed": [BUILD, CHECK, {"id": "nowhere", "name": "Call nobody", "needs": ["check"], **NOWHERE}],
    "broken": [
        BUILD,
        OPEN,
        {**ACCESS, "needs": ["open"]},
        {"id": "nowhere", "name": "Call nobody", "stage": "activate", "needs": ["access"], **NOWHERE},
    ],
    "free": [BUILD, ACCESS],
}
PRICES = {"mail": "10.00", "line": "25.00", "doomed": "7.00", "broken": "13.00", "free": "0.00"}

ORDERS: dict[str, list[Json]] = {
    "mail": [{"plan": "mail"}],
    "line": [{"plan": "line"}],
    "doomed": [{"plan": "doomed"}],
    "broken": [{"plan": "broken"}],
    "free": [{"plan": "free"}],
    "mixed": [{"plan": "mail"}, {"plan": "broken"}],
    "large": [{"plan": "mail", "quantity": 25}],
    "chain": [{"plan": "line"}, {"plan": "mail", "depends_on": ["1"]}],
}
"""What each kind of order asks for; `large` needs an approval, `mixed` ends partly fulfilled."""


@dataclass(frozen=True)
class Target:
    """A step of the saga at which an order of a kind can be caught, by the call to the outside that it makes there. `led_by`
    is what has to go wrong first for it to come there."""

    name: str
    order: str
    operation: Operation
    led_by: tuple[Operation, Mode] | None = None


TARGETS = (
    Target("ask for the fraud score", "mail", Operation.score_fraud),
    Target("authorize", "mail", Operation.authorize),
    Target("ask about a lost payment", "mail", Operation.status, led_by=(Operation.authorize, Mode.timeout_after)),
    Target("create", "mail", Operation.create),
    Target("create at a slow partner", "line", Operation.create),
    Target("verify", "mail", Operation.verify),
    Target("capture", "mail", Operation.capture),
    Target("capture for two items", "mixed", Operation.capture),
    Target("activate", "mail", Operation.activate),
    Target("activate for good", "line", Operation.activate),
    Target("undo", "doomed", Operation.terminate),
    Target("void", "doomed", Operation.void),
    Target("refund", "broken", Operation.refund),
    Target("refund of one of two items", "mixed", Operation.refund),
    Target("undo after the capture", "broken", Operation.terminate),
)

COMPANIONS = ("large", "free", "chain", "line")
"""Orders that go along with those that are caught: in an approval, in the hands of a partner, or anywhere."""

CALLBACKS = (
    Mode.duplicate_callback,
    Mode.early_callback,
    Mode.late_callback,
    Mode.no_callback,
    Mode.bad_signature,
)
