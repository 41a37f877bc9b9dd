"""A fraud service behind `POST {base_url}/scores`, which any of them fits with a small bridge; the sandbox plays one."""

import httpx
from pydantic import SecretStr

from activities.adapters.http import TOTAL_SECONDS, Call, Peer
from domain.fraud_scores import Score, ScoreQuestion
from domain.money import Money
from domain.values import Value


class _Asked(Value):
    """The body: the amount is in minor units, and of the customer no more than an id and a country is told."""

    order: str
    amount: Money
    customer: str
    country: str
    method_kind: str
    method_brand: str
    method_country: str


class _Answered(Value):
    score: Score


class HttpFraudScorer:
    """The question's key is the Idempotency-Key, and `key`, where there is one, goes along as a bearer token."""

    def __init__(
        self, base_url: str, client: httpx.AsyncClient, key: SecretStr | None = None, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key is not None else {}
        self._peer = Peer("fraud service", base_url, client, total_seconds, headers)

    async def score(self, question: ScoreQuestion) -> int:
        asked = _Asked.model_validate(question.model_dump(exclude={"key"}))
        return (await self._peer.call(Call("POST", ("scores",), question.key, asked), _Answered)).score
