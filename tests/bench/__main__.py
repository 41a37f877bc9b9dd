"""`python -m tests.bench`: every measure, or one of them."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench import acceptance, aftermath, footprint, gateways, growth, invoice_run, orders, pricing, renewals, report
from tests.bench.installation import installed
from tests.bench.report import Section

NAMES = ("pricing", "footprint", "orders", "acceptance", "growth", "memory", "invoice-run", "renewals", "gateways", "aftermath")
WITHOUT_INSTALLATION = {"pricing"}
RESULTS = Path(__file__).resolve().parents[2] / "bench-results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and orders: minutes instead of an hour")
    parser.add_argument("--only", choices=NAMES, action="append", help="this measure; may be repeated")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="DIR", help="where the figures are written")
    parser.add_argument("--orders", type=int, help="how many orders the measure of memory places")
    parser.add_argument("--finished", type=int, help="how many finished orders the measure of growth adds")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asyncio.run(run(arguments, _console()))


def _console() -> Console:
    """As wide as the table needs, where there is no terminal to tell."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=118)


async def run(arguments: argparse.Namespace, console: Console) -> None:
    about = report.machine()
    wanted = arguments.only or NAMES
    sections: list[Section] = []

    def say(line: str) -> None:
        console.print(f"[dim]{line}[/dim]", soft_wrap=True)

    if "pricing" in wanted:
        sections.append(await pricing.measure())
    if set(wanted) - WITHOUT_INSTALLATION:
        sections += await _on_an_installation(arguments, wanted, say)
    _show(sections, about, console)
    console.print(f"written to {report.write(sections, about, arguments.json)}", soft_wrap=True)


async def _on_an_installation(
    arguments: argparse.Namespace, wanted: Sequence[str], say: Callable[[str], None]
) -> list[Section]:
    sections: list[Section] = []
    quick = arguments.quick
    async with installed(say) as installation:
        if "footprint" in wanted:
            sections.append(await footprint.measure(installation, footprint.QUICK if quick else footprint.FULL, say))
        if "orders" in wanted:
            sections.append(await orders.measure(installation, orders.QUICK if quick else orders.FULL, say))
        if "acceptance" in wanted:
            sections.append(await acceptance.measure(installation, acceptance.QUICK if quick else acceptance.FULL, say))
        if "growth" in wanted:
            finished = arguments.finished or (5_000 if quick else 50_000)
            sections.append(await growth.measure_cost(installation, finished, 100 if quick else 400, say))
        if "memory" in wanted:
            sections.append(await growth.measure_memory(installation, arguments.orders or (500 if quick else 20_000), say))
        if "gateways" in wanted:
            sections.append(await gateways.measure(installation, gateways.QUICK if quick else gateways.FULL, say))
        if "aftermath" in wanted:
            sections.append(await aftermath.measure(installation, aftermath.QUICK if quick else aftermath.FULL, say))
        if "renewals" in wanted:
            sections.append(await renewals.measure(installation, renewals.QUICK if quick else renewals.FULL, say))
        if "invoice-run" in wanted:
            sections.append(await invoice_run.measure(installation, invoice_run.QUICK if quick else invoice_run.FULL, say))
    return sections


def _show(sections: list[Section], about: dict[str, Any], console: Console) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    console.print(f"\n{about['cpus']} CPUs ({about['cpu']}), {about['memory_gb']} GB, {about['system']}")
    console.print(f"load of others before: {about['load_before']}; commit {about['commit']}, {about['at']}")
    console.print(f"Python {about['python']}, {versions}\n", soft_wrap=True)
    for section in sections:
        report.show(section, console)
    console.print("(a) a bare workflow with the same calls and rows, (b) six local activities, (c) the rows by plain SQL.")
    missed = sum(one.met is False for section in sections for one in section.figures)
    console.print(f"{missed} aims missed" if missed else "every aim met")


if __name__ == "__main__":
    main()
