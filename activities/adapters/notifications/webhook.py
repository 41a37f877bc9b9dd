"""Messages handed to a system that sends them itself, signed after Standard Webhooks."""

from datetime import UTC, datetime

import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

from domain.errors import Refused, Unavailable
from domain.messages import Letter

SECONDS = 10.0


class MessageWebhook:
    """`webhook-id` is the message's key. A 2xx answer says that it was taken, 410 that it never will be."""

    def __init__(self, url: str, secret: SecretStr, client: httpx.AsyncClient) -> None:
        self._url = url
        self._secret = secret
        self._client = client

    async def send(self, letter: Letter) -> bool:
        body, now = letter.model_dump_json(), datetime.now(UTC)
        signature = Webhook(self._secret.get_secret_value()).sign(letter.key, now, body)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": letter.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        try:
            answer = await self._client.post(self._url, content=body, headers=headers, timeout=SECONDS)
        except httpx.HTTPError as error:
            raise Unavailable(f"whoever is told of messages does not answer ({type(error).__name__})") from None
        if answer.status_code == httpx.codes.GONE:
            raise Refused("whoever is told of messages answered 410", "gone")
        if not answer.is_success:
            raise Unavailable(f"whoever is told of messages answered {answer.status_code}")
        return True
