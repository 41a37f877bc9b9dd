"""How one sandbox process is set up."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from domain.values import StrictValue


class SandboxConfig(StrictValue):
    """`data` is the SQLite file of the journal; `secrets` are the Standard Webhooks secrets by partner."""

    data: Path
    callback_url: str
    """Root of the API that partners call back: `{callback_url}/v1/callbacks/{partner}`."""
    secrets: dict[str, SecretStr] = {}
    asynchronous: frozenset[str] = frozenset({"fibreworks"})
    """The partners whose `create` takes time and ends with a callback; all others answer at once."""
    delay_seconds: float = Field(default=1.5, ge=0)
    gateways: tuple[str, ...] = ("backup",)
    """Gateways beside the main one, at `/gateways/<name>`."""
    pending_asks: int = Field(default=2, ge=1)
    """How many status questions a `tok_pending` payment answers with `pending` before it succeeds."""
    callback_timeout_seconds: float = Field(default=5, gt=0)
    callback_backoff_seconds: float = Field(default=0.5, ge=0)
    """The wait after a first failed callback; it doubles up to 30 s."""
    callback_attempts: int = Field(default=50, ge=1)

    @model_validator(mode="after")
    def _partners_that_call_back_can_sign(self) -> Self:
        unsigned = sorted(self.asynchronous - self.secrets.keys())
        if unsigned:
            raise ValueError(f"no webhook secret for {', '.join(unsigned)}")
        return self

    @field_validator("secrets")
    @classmethod
    def _secrets_can_sign(cls, secrets: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for partner, secret in secrets.items():
            try:
                Webhook(secret.get_secret_value())
            except (ValueError, EmptyWebhookSecretError):
                raise ValueError(f"the webhook secret of {partner} must be 'whsec_' and base64") from None
        return secrets
