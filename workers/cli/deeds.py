"""What a scenario's steps do to its subscription, through the API as anybody would, and what they are called in words."""

from datetime import datetime
from typing import Any

import httpx

from domain.clocks import later
from domain.errors import Refused, Unavailable
from workers.cli.client import Api
from workers.cli.scenario import Deed, Step, Trouble

UNPAID = {"finalized", "partially_paid", "overdue"}
FOR_MONEY = {"authorize", "purchase", "capture", "void", "refund", "status"}
"""Of the gateway, whose keys begin with the subscription once it is live; those of partners name the order."""


class Deeds:
    """Of one customer's subscription. Methods raise what the API's client does."""

    def __init__(self, api: Api, customer: str, sandbox: "Sandbox | None") -> None:
        self._api = api
        self._customer = customer
        self._sandbox = sandbox
        self.order = self.subscription = ""

    def do(self, step: Step, at: datetime) -> None:
        match step.do:
            case Deed.pay_with:
                self._api.patch(f"/v1/customers/{self._customer}", {"payment_method": step.token})
            case Deed.collect:
                self._collect()
            case Deed.fault:
                self.trouble(Trouble(operation=step.operation or "", mode=step.mode, count=step.count))
            case Deed.mend:
                self.mend()
            case Deed.change:
                self._tell("changes", plan=step.plan, quantity=step.quantity, when=step.when)
            case Deed.pause:
                until = later(at, step.pause_for, "pause_for").isoformat() if step.pause_for else None
                self._tell("pause", when=step.when, until=until)
            case Deed.cancel:
                self._tell("cancel", when=step.when or "period_end")
            case Deed.uncancel | Deed.resume | Deed.suspend | Deed.unsuspend:
                self._tell(step.do)

    def trouble(self, trouble: Trouble) -> None:
        subject = self.subscription if trouble.operation in FOR_MONEY and self.subscription else self.order
        if self._sandbox is not None:
            self._sandbox.arm(trouble, subject)

    def mend(self) -> None:
        if self._sandbox is not None:
            self._sandbox.disarm({self.order, self.subscription})

    def _tell(self, verb: str, **asked: str | int | None) -> None:
        body = {name: value for name, value in asked.items() if value is not None}
        self._api.post(f"/v1/subscriptions/{self.subscription}/{verb}", body)

    def _collect(self) -> None:
        for invoice in self._api.get("/v1/invoices", customer=self._customer, limit=200)["items"]:
            if invoice["state"] in UNPAID:
                self._api.post(f"/v1/invoices/{invoice['id']}/collect", {})


class Sandbox:
    """Tells the sandbox to misbehave at the calls of one story; what others told it stays."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def arm(self, trouble: Trouble, subject: str) -> None:
        """Refused, with the sandbox's words, where it knows no such trouble."""
        self._put([*self._faults(), trouble.model_dump(exclude_none=True) | {"order": subject}])

    def disarm(self, subjects: set[str]) -> None:
        self._put([fault for fault in self._faults() if fault.get("order") not in subjects])

    def _faults(self) -> list[dict[str, Any]]:
        """Those that may strike still, as often as is left of each."""
        armed = [(one["fault"], one["left"]) for one in self._send("GET") if one["left"] != 0]
        return [fault if left is None else fault | {"count": left} for fault, left in armed]

    def _put(self, faults: list[dict[str, Any]]) -> None:
        self._send("PUT", faults)

    def _send(self, method: str, body: object = None) -> Any:
        try:
            answer = self._http.request(method, "/faults", json=body)
        except httpx.TransportError as error:
            raise Unavailable(f"the sandbox does not answer at {self._http.base_url}: {error}") from None
        if not answer.is_success:
            raise Refused(f"the sandbox refuses the fault: {answer.text[:300]}")
        return answer.json()


def words(step: Step) -> str:
    """Such as `change to crm-pro × 5 (now)`."""
    if step.do is Deed.fault:
        return failing(step.operation or "", step.mode)
    to = " × ".join(str(each) for each in (step.plan, step.quantity) if each is not None)
    detail = {
        Deed.pay_with: f" {step.token}",
        Deed.change: f" to {to}",
        Deed.pause: f" for {step.pause_for}" if step.pause_for else "",
    }.get(step.do, "")
    when = f" ({step.when.replace('_', ' ')})" if step.when else ""
    return f"{step.do.replace('_', ' ')}{detail}{when}"


def failing(operation: str, mode: str) -> str:
    return f"{operation} fails ({mode.replace('_', ' ')})"
