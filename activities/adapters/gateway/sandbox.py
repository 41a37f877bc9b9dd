"""The gateway that the sandbox process plays, over real HTTP."""

from datetime import datetime
from enum import StrEnum

import httpx

from activities.adapters.http import NOT_ATTEMPTED, TOTAL_SECONDS, Call, Peer
from domain.billing.reconciliation.comparison import MovementPage
from domain.errors import Refused, Unavailable, Unknown
from domain.money import Money
from domain.payment_methods import MethodFacts
from domain.payments import (
    CaptureRequest,
    Outcome,
    PaymentRequest,
    PaymentResult,
    RefundRequest,
    RemotePayment,
)
from domain.values import Value

_DECLINED = frozenset({httpx.codes.PAYMENT_REQUIRED})
_NOTHING_TO_UNDO = {"payment_absent": RemotePayment.absent, "nothing_to_void": RemotePayment.declined}


class _Mode(StrEnum):
    authorize = "authorize"
    purchase = "purchase"


class _Payment(Value):
    key: str
    amount: Money
    method: str
    mode: _Mode
    description: str
    step_up: bool


class _Capture(Value):
    amount: Money


class _Refund(Value):
    refund_key: str
    amount: Money


class _Card(Value):
    customer: str
    nonce: str


class _Token(Value):
    token: str


class _Forgotten(Value):
    """Whether there was anything to forget."""

    forgotten: bool


class _PaymentAnswer(PaymentResult):
    key: str

    def result(self) -> PaymentResult:
        return PaymentResult(**self.model_dump(exclude={"key"}))


class _TokenAnswer(Value):
    outcome: Outcome
    token: str | None = None
    code: str | None = None
    message: str = ""


class SandboxGateway:
    """`base_url` is the gateway's own root, for the sandbox `http://host:port/gateway`."""

    def __init__(self, base_url: str, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._base_url = base_url.rstrip("/")
        self._peer = Peer("gateway", base_url, client, total_seconds)

    async def tokenize(self, key: str, customer: str, nonce: str) -> PaymentResult:
        call = Call("POST", ("tokens",), key, _Card(customer=customer, nonce=nonce), _DECLINED)
        try:
            answer = await self._peer.call(call, _TokenAnswer)
        except (Unavailable, Unknown) as error:
            return _unanswered(error)
        return PaymentResult(outcome=answer.outcome, reference=answer.token, code=answer.code, message=answer.message)

    async def describe(self, token: str) -> MethodFacts:
        """The token goes in the body, since an address ends in logs and errors."""
        try:
            return await self._peer.call(Call("POST", ("tokens", "describe"), body=_Token(token=token)), MethodFacts)
        except Unknown as error:
            raise Unavailable(str(error)) from error

    async def forget(self, token: str) -> None:
        await self._peer.call(Call("POST", ("tokens", "forget"), body=_Token(token=token)), _Forgotten)

    async def authorize(self, request: PaymentRequest) -> PaymentResult:
        return await self._start(request, _Mode.authorize)

    async def purchase(self, request: PaymentRequest) -> PaymentResult:
        return await self._start(request, _Mode.purchase)

    async def capture(self, request: CaptureRequest) -> PaymentResult:
        path = ("payments", request.key, "capture")
        body = _Capture(amount=request.amount)
        return await self._do(request.key, Call("POST", path, f"{request.key}:capture", body, _DECLINED))

    async def void(self, key: str, reference: str | None = None) -> PaymentResult:
        try:
            return await self._do(key, Call("POST", ("payments", key, "void"), f"{key}:void", None, _DECLINED))
        except Refused as refusal:
            if refusal.code not in _NOTHING_TO_UNDO:
                raise
            return PaymentResult(outcome=Outcome.succeeded, state=_NOTHING_TO_UNDO[refusal.code], message="nothing to undo")

    async def refund(self, request: RefundRequest) -> PaymentResult:
        path = ("payments", request.key, "refunds")
        body = _Refund(refund_key=request.refund_key, amount=request.amount)
        return await self._do(request.key, Call("POST", path, request.refund_key, body, _DECLINED))

    async def status(self, key: str, reference: str | None = None) -> PaymentResult:
        call = Call("GET", ("payments", key))
        try:
            return await self._answer(key, call)
        except (Refused, Unavailable, Unknown) as error:
            if isinstance(error, Refused) and error.code == "payment_absent":
                return PaymentResult(outcome=Outcome.not_attempted, state=RemotePayment.absent, code=error.code)
            return PaymentResult(outcome=Outcome.unknown, message=str(error))

    async def report(self, since: datetime, until: datetime, cursor: str | None = None) -> MovementPage:
        period = {"since": since.isoformat(), "until": until.isoformat()}
        call = Call("GET", ("report",), query=period if cursor is None else {**period, "cursor": cursor})
        try:
            return await self._peer.call(call, MovementPage)
        except Unknown as error:
            raise Unavailable(str(error)) from error

    async def _start(self, request: PaymentRequest, mode: _Mode) -> PaymentResult:
        body = _Payment(
            key=request.key,
            amount=request.amount,
            method=request.method,
            mode=mode,
            description=request.description,
            step_up=request.step_up,
        )
        return await self._do(request.key, Call("POST", ("payments",), request.key, body, _DECLINED))

    async def _do(self, key: str, call: Call) -> PaymentResult:
        try:
            return await self._answer(key, call)
        except (Unavailable, Unknown) as error:
            return _unanswered(error)

    async def _answer(self, key: str, call: Call) -> PaymentResult:
        """An answer about another payment than the one asked about is no answer: Unknown."""
        answer = await self._peer.call(call, _PaymentAnswer)
        if answer.key != key:
            raise self._peer.unknown(call, "answered about another payment")
        result = answer.result()
        if result.action is None:
            return result
        return result.model_copy(update={"action": f"{self._base_url}/{result.action}"})


def _unanswered(error: Unavailable | Unknown) -> PaymentResult:
    if isinstance(error, Unavailable):
        return PaymentResult(outcome=Outcome.not_attempted, code=NOT_ATTEMPTED, message=str(error))
    return PaymentResult(outcome=Outcome.unknown, message=str(error))
