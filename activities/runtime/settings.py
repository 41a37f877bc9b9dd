"""What an installation may configure, read from `TURNUP_*` in the environment or from a TOML file."""

import json
import os
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import InitSettingsSource

from activities.adapters.gateway.settings import GatewayName, GatewaySettings, sandbox_gateways
from domain.errors import TurnupError

PREFIX = "TURNUP_"
DEFAULT_FILE = Path("turnup.toml")
NOT_SETTINGS = frozenset({"TURNUP_CONFIG", "TURNUP_SANDBOX_SECRETS", "TURNUP_REQUIRE_PEERS"})
"""Names under the prefix that other programs read, so they are not mistaken for a misspelt setting."""

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(TurnupError):
    """`problems` holds one line per wrong setting: its name and what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """Frozen. An address left out means the embedded service; the environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path(".turnup"), description="where the embedded services keep their data, logs and secrets")
    database_url: str | None = Field(
        None,
        repr=False,
        description="PostgreSQL as `postgresql://user:password@host:port/name`; empty starts the embedded one",
    )
    temporal_address: str | None = Field(None, description="Temporal frontend as `host:port`; empty starts the embedded one")
    temporal_namespace: str = Field("default", description="Temporal namespace", min_length=1)
    temporal_tls: bool = Field(False, description="connect to Temporal with TLS")
    temporal_tls_cert: Path | None = Field(None, description="client certificate (PEM) shown to Temporal")
    temporal_tls_key: Path | None = Field(None, description="private key (PEM) of that certificate")
    temporal_tls_ca: Path | None = Field(None, description="certificate authority (PEM) that Temporal's is checked by")
    temporal_api_key: SecretStr | None = Field(None, description="API key for Temporal Cloud; implies TLS")
    temporal_ui_url: str | None = Field(None, description="base address of Temporal's UI, for the links to it")
    api_host: str = Field("127.0.0.1", description="interface the API listens on", min_length=1)
    api_port: Port | None = Field(None, description="port of the API; empty takes 8080, or a free one")
    api_url: str | None = Field(None, description="where the command line finds the API; empty asks the running stack")
    api_key: SecretStr | None = Field(None, description="key the command line shows to the API")
    admin_key_file: Path | None = Field(
        None, description="file with an admin key that the API registers as it starts; embedded start makes one"
    )
    sandbox_url: str | None = Field(None, description="a running sandbox; empty starts one beside the embedded stack")
    sandbox_port: Port | None = Field(None, description="port of the sandbox; empty takes 8090, or a free one")
    postgres_port: Port | None = Field(None, description="port of the embedded PostgreSQL; empty takes a free one")
    temporal_port: Port | None = Field(None, description="port of the embedded Temporal; empty takes 7233, or a free one")
    temporal_ui_port: Port | None = Field(None, description="port of its UI; empty takes 8233, or a free one")
    callback_url: str | None = Field(None, description="base address at which partners call back; empty means the API's")
    partner_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description='Standard Webhooks secret of each partner, as JSON: `{"fibreworks": "whsec_…"}`',
    )
    console_secret: SecretStr | None = Field(None, description="signs the console's session cookies, 32 characters or more")
    gateways: Annotated[dict[GatewayName, GatewaySettings], NoDecode] = Field(
        default_factory=dict,
        description='payment gateways by name, as JSON: `{"main": {"kind": "stripe", "api_key": "sk_…", '
        '"webhook_secret": "whsec_…"}}`; empty takes the two that the sandbox plays, `sandbox` and `backup`',
    )
    gateway_secrets: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description='webhook secret of each gateway whose own settings have none, as JSON: `{"sandbox": "whsec_…"}`',
    )
    gateway: str = Field("sandbox", description="name of the gateway that payments go to which no rule is for", min_length=1)
    public_url: str | None = Field(None, description="address people reach the API at, for links; empty means the API's")
    tax_folder: Path | None = Field(None, description="folder of tax data (`*.yaml`); empty takes the shipped one")
    documents_folder: Path | None = Field(
        None, description="folder with a template, words or fonts of your own for invoices; empty takes the shipped ones"
    )
    mail_url: SecretStr | None = Field(
        None,
        description="SMTP server that messages to customers go through, as `smtps://user:password@host:465`, or `smtp://…:587` "
        "for STARTTLS; empty sends no mail",
    )
    mail_from: str = Field("turnup@localhost", description="sender of these messages", pattern=r"^[^\r\n]+@[^@\s]+$")
    message_webhook_url: str | None = Field(
        None, description="where messages to customers are posted instead, for a system that sends them itself"
    )
    message_webhook_secret: SecretStr | None = Field(None, description="signs what is posted there: `whsec_…`")
    messages_folder: Path | None = Field(
        None, description="folder with texts of your own for these messages; empty takes the shipped ones"
    )
    vat_register_url: str | None = Field(
        None,
        description="register that VAT ids are checked with, for VIES `https://ec.europa.eu/taxation_customs/vies/rest-api`; "
        "empty asks the sandbox",
    )
    tax_engine_url: str | None = Field(None, description="external tax engine; empty asks the sandbox")
    fraud_score_url: str | None = Field(
        None, description="fraud service that orders' scores are asked of, at `…/scores`; empty asks the sandbox"
    )
    fraud_score_key: SecretStr | None = Field(None, description="key that this service is shown")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe log line shown")
    log_format: Literal["console", "json"] = Field("console", description="`console` for people, `json` for machines")
    worker_max_cached_workflows: int = Field(
        2000, ge=1, description="workflows a worker keeps in memory; keep it above what is in flight"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the TOML file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_read_file())

    @field_validator("partner_secrets", "gateways", "gateway_secrets", mode="before")
    @classmethod
    def _from_json(cls, given: object, info: ValidationInfo) -> object:
        return _json_object(given, _EXAMPLES[info.field_name or ""]) if isinstance(given, str) else given

    @field_validator("partner_secrets", "gateway_secrets")
    @classmethod
    def _standard_webhooks(cls, given: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in given.items():
            if not secret.get_secret_value().startswith("whsec_"):
                raise ValueError(f"the secret of {name} should begin with whsec_")
        return given

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, given: str | None) -> str | None:
        if given is not None and not given.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
            raise ValueError("should look like postgresql://user:password@host:5432/turnup")
        return given

    @field_validator("temporal_address")
    @classmethod
    def _host_and_port(cls, given: str | None) -> str | None:
        if given is not None and not given.rpartition(":")[2].isdigit():
            raise ValueError("should look like host:7233")
        return given

    @field_validator(
        "temporal_ui_url",
        "api_url",
        "sandbox_url",
        "callback_url",
        "public_url",
        "vat_register_url",
        "tax_engine_url",
        "fraud_score_url",
        "message_webhook_url",
    )
    @classmethod
    def _http(cls, given: str | None) -> str | None:
        if given is not None and not given.startswith(("http://", "https://")):
            raise ValueError("should look like https://host:port")
        return given.rstrip("/") if given else given

    @field_validator("mail_url")
    @classmethod
    def _smtp(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not given.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("should look like smtps://user:password@host:465")
        return given

    @field_validator("message_webhook_secret")
    @classmethod
    def _webhook_secret(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not given.get_secret_value().startswith("whsec_"):
            raise ValueError("should begin with whsec_")
        return given

    @field_validator("console_secret")
    @classmethod
    def _long_enough(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and len(given.get_secret_value()) < 32:
            raise ValueError("should have 32 characters or more")
        return given

    @model_validator(mode="after")
    def _default_gateway_is_one(self) -> "Settings":
        known = self.all_gateways()
        if self.gateway not in known:
            raise ValueError(f"TURNUP_GATEWAY: should be one of TURNUP_GATEWAYS, which are {', '.join(sorted(known))}")
        return self

    def all_gateways(self) -> dict[str, GatewaySettings]:
        """Those that are set, else the sandbox's."""
        return self.gateways or sandbox_gateways(self.sandbox_url or "http://localhost")

    @model_validator(mode="after")
    def _one_way_for_messages(self) -> "Settings":
        if self.mail_url is not None and self.message_webhook_url is not None:
            raise ValueError("TURNUP_MAIL_URL and TURNUP_MESSAGE_WEBHOOK_URL: give one of both")
        if (self.message_webhook_url is None) != (self.message_webhook_secret is None):
            raise ValueError("TURNUP_MESSAGE_WEBHOOK_URL and TURNUP_MESSAGE_WEBHOOK_SECRET: give both or neither")
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> "Settings":
        if (self.temporal_tls_cert is None) != (self.temporal_tls_key is None):
            raise ValueError("TURNUP_TEMPORAL_TLS_CERT and TURNUP_TEMPORAL_TLS_KEY: give both or neither")
        return self


def load_settings(**given: Any) -> Settings:
    """The settings of this process; `given` wins over the environment. Raises `SettingsError`."""
    problems = list(_unknown_names())
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError(problems + [_one_line(detail) for detail in error.errors(include_url=False)]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def settings_table() -> list[tuple[str, str, str]]:
    """Each setting's name in the environment, its default ('' for none) and its meaning."""
    return [
        (f"{PREFIX}{name.upper()}", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as a child process reads them. Holds secrets in the clear: never log it."""
    given = {name: getattr(settings, name) for name in Settings.model_fields if name != "api_key"}
    return {f"{PREFIX}{name.upper()}": _as_text(value) for name, value in given.items() if value not in (None, {})}


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps({name: _revealed(inner) for name, inner in value.items()})
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.absolute()) if isinstance(value, Path) else str(value)


def _revealed(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: _revealed(inner) for name, inner in value if inner is not None}
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _default(value: object) -> str:
    if value is None or not isinstance(value, str | int | Path):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_file() -> dict[str, Any]:
    named = os.environ.get("TURNUP_CONFIG")
    path = Path(named) if named else DEFAULT_FILE
    if not named and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsError([f"TURNUP_CONFIG: cannot read {path}: {reason}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"TURNUP_CONFIG: {path} is not TOML: {error}"]) from None


def _unknown_names() -> Iterator[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name}: there is no such setting{_nearest(name, known)}"


def _nearest(name: str, known: set[str] | frozenset[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _one_line(detail: ErrorDetails) -> str:
    """A problem as `TURNUP_API_PORT: should be …`, never with the value, which may be a secret."""
    path = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not path:
        return message
    if detail["type"] == "extra_forbidden":
        close = _nearest(path, frozenset(Settings.model_fields))
        return f"{path}: there is no such setting{close}"
    name, _, inner = path.partition(".")
    return f"{PREFIX}{name.upper()}{'.' + inner if inner else ''}: {message}"


_EXAMPLES = {
    "partner_secrets": '{"fibreworks": "whsec_…"}',
    "gateways": '{"main": {"kind": "stripe", "api_key": "sk_…", "webhook_secret": "whsec_…"}}',
    "gateway_secrets": '{"sandbox": "whsec_…"}',
}


def _json_object(text: str, example: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(f"should be JSON such as {example}") from None
