"""What deploy/ names exists: settings, files, metrics, and the versions that the embedded services are tested with."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.contracts.attributes import SEARCH_ATTRIBUTES
from activities.contracts.queues import ALL
from activities.runtime.settings import NOT_SETTINGS, settings_table
from api.metrics import Metrics
from workers.embedded.temporal import TUNING, temporal_binary

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {name for name, _default, _meaning in settings_table()} | NOT_SETTINGS
MADE_BY_HAND = "secrets/"
"""Below deploy/: described in production.md, and never in the repository."""


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(compose()["services"])


@pytest.fixture
def production() -> str:
    return (DEPLOY / "production.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["compose.yaml", "Containerfile", "production.md"])
def test_every_setting_named_is_a_real_one(name: str) -> None:
    named = set(re.findall(r"\bTURNUP_[A-Z_]*[A-Z]", (DEPLOY / name).read_text(encoding="utf-8")))

    assert named
    assert named <= SETTINGS


def test_every_file_that_compose_reads_exists_or_is_a_secret(services: dict[str, Any]) -> None:
    files = [service["env_file"] for service in services.values() if "env_file" in service]
    files += [
        source.removeprefix("./")
        for service in services.values()
        for source in (volume.partition(":")[0] for volume in service.get("volumes", ()))
        if source.startswith("./")
    ]
    files += [
        str(Path(service["build"]["context"], service["build"]["dockerfile"]))
        for service in services.values()
        if "build" in service
    ]

    assert files
    assert [file for file in files if not file.startswith(MADE_BY_HAND) and not (DEPLOY / file).exists()] == []


def test_every_secret_that_compose_reads_is_made_in_production_md(production: str) -> None:
    secrets = set(re.findall(rf"{MADE_BY_HAND}([\w.]+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))

    assert {name for name in secrets if f"> {name}" not in production} == set()
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_compose_holds_no_secret(services: dict[str, Any]) -> None:
    given = {name for service in services.values() for name in service.get("environment", {})}

    assert {name for name in given if re.search(r"PASSWORD|PWD|SECRET|DATABASE_URL|API_KEY$", name)} == set()


def test_services_wait_for_services_that_exist_and_are_looked_at(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            awaited = services[name]
            assert wait["condition"] in {"service_healthy", "service_completed_successfully"}
            assert ("healthcheck" in awaited) == (wait["condition"] == "service_healthy")


def test_volumes_are_declared(services: dict[str, Any]) -> None:
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}

    assert {name for name in used if not name.startswith(".")} == set(compose()["volumes"])


def test_temporal_is_the_release_that_the_tests_run_on(services: dict[str, Any]) -> None:
    said = subprocess.run([temporal_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Server (\S+), UI (\S+?)\)", said)
    assert found

    images = {name: str(service["image"]) for name, service in services.items() if service["image"].startswith("temporalio/")}
    tags = {image.partition(":")[0]: image.partition(":")[2] for image in images.values()}
    assert tags == {
        "temporalio/server": found[1],
        "temporalio/admin-tools": found[1],
        "temporalio/ui": found[2],
    }


def test_temporals_dynamic_config_is_what_the_embedded_server_is_tested_with(production: str) -> None:
    config = yaml.safe_load((DEPLOY / "temporal-dynamic-config.yaml").read_text(encoding="utf-8"))

    values = {key: str(value[0]["value"]).lower() for key, value in config.items()}
    assert values.items() <= TUNING.items()
    assert {key for key in config if f"`{key}`" not in production} == set()


def test_every_path_that_is_copied_or_written_about_exists(production: str) -> None:
    container = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = [path for line in re.findall(r"^COPY (.+)$", container, re.MULTILINE) for path in line.split()[:-1]]
    named = re.findall(r"\b(?:deploy|activities|api|workers|domain|workflows)/[\w./-]*\w", container + production)

    paths = {path for path in [*copied, *named] if not path.startswith(f"deploy/{MADE_BY_HAND.rstrip('/')}")}
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_what_the_image_copies_is_let_through_to_its_build() -> None:
    container = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    let_through = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split()

    copied = {path for line in re.findall(r"^COPY (.+)$", container, re.MULTILINE) for path in line.split()[:-1]}
    assert {path for path in copied if f"!{path}" not in let_through} == set()


def test_every_metric_to_alert_on_is_measured(production: str) -> None:
    metrics = Metrics()
    metrics.observe("GET", "/v1/orders", 200, 0.1)
    measured = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    measured |= {family.name for family in metrics.registry.collect()}

    named = set(re.findall(r"\bturnup_[a-z_]+", production))
    assert named
    assert named <= measured


def test_queues_and_search_attributes_are_called_as_in_the_code(production: str) -> None:
    names = [*ALL, *(key.name for key in SEARCH_ATTRIBUTES)]

    assert [name for name in names if f"`{name}`" not in production] == []


def test_constraints_pin_every_dependency_and_name_no_address() -> None:
    lines = (DEPLOY / "constraints.txt").read_text(encoding="utf-8").split("\n")
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines if line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    wanted = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    names = {re.split(r"[\[;>=<~! ]", name)[0].lower() for name in wanted}
    assert names - pinned == set()
    assert [line for line in lines if line and not re.fullmatch(r"[\w.-]+==[\w.+]+", line)] == []
