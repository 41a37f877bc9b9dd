"""What the sandbox's gateways tell by webhook, signed as Standard Webhooks say, and what they are told against a dispute."""

from collections.abc import Mapping

import httpx
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from activities.adapters.http import Call, Peer
from domain.errors import Refused
from domain.gateway_events import Evidence, GatewayEvent
from domain.values import Value

SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


class _Taken(Value):
    state: str


class SandboxHerald:
    """`base_url` is the gateway's own root. Without a `secret` no message is believed."""

    def __init__(self, base_url: str, client: httpx.AsyncClient, secret: SecretStr | None) -> None:
        self._peer = Peer("gateway", base_url, client)
        self._secret = secret

    def read_event(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent | None:
        self._verify(headers, body)
        try:
            return GatewayEvent.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "body"
            raise Refused(f"{field}: {first['msg']}", code="unreadable") from None

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        given = {name: headers[name] for name in SIGNED if name in headers}
        if self._secret is None or len(given) < len(SIGNED):
            raise _unsigned()
        try:
            Webhook(self._secret.get_secret_value()).verify(body, given, json_parse=False)
        except (WebhookVerificationError, ValueError, OverflowError, OSError):
            raise _unsigned() from None

    async def submit_evidence(self, dispute: str, key: str, evidence: Evidence) -> None:
        await self._peer.call(Call("POST", ("disputes", dispute, "evidence"), key, evidence), _Taken)

    async def accept_dispute(self, dispute: str, key: str) -> None:
        await self._peer.call(Call("POST", ("disputes", dispute, "accept"), key), _Taken)


def _unsigned() -> Refused:
    return Refused("the signature is not this gateway's, or the message is more than five minutes old", code="bad_signature")
