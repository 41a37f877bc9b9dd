"""Secrets an embedded installation makes for itself once, and keeps readable by its owner only."""

import base64
import json
import os
import secrets
from pathlib import Path

from domain.values import Value

PARTNERS = ("fibreworks", "mailhub")
"""The partners of the sample catalogue, played by the sandbox."""

GATEWAYS = ("sandbox", "backup")
"""The gateways that the sandbox plays."""


class Keys(Value):
    """Secrets in the clear. `partners` and `gateways` hold a Standard Webhooks secret (`whsec_…`) by name."""

    postgres: str
    console: str
    partners: dict[str, str]
    gateways: dict[str, str]


def keep_keys(data_dir: Path) -> Keys:
    """The kept secrets, made on the first call; a partner or gateway added by a later release gets its own."""
    path = data_dir / "secrets.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    partners = {partner: _webhook_secret() for partner in PARTNERS} | kept.get("partners", {})
    gateways = {gateway: _webhook_secret() for gateway in GATEWAYS} | kept.get("gateways", {})
    keys = Keys.model_validate({**_fresh(), **kept, "partners": partners, "gateways": gateways})
    if keys.model_dump() != kept:
        write_private(path, keys.model_dump_json(indent=2))
    return keys


def keep_admin_key(data_dir: Path) -> Path:
    """The file with the development admin key (`tk_dev_…`), made by the first call."""
    path = data_dir / "admin.key"
    if not path.exists():
        write_private(path, f"tk_dev_{secrets.token_urlsafe(24)}\n")
    return path


def write_private(path: Path, text: str) -> None:
    """Write the whole file or nothing, readable by its owner only."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _fresh() -> dict[str, str]:
    return {"postgres": secrets.token_urlsafe(24), "console": secrets.token_urlsafe(48)}


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
