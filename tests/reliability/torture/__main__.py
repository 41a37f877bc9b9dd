"""The fault campaign on the command line. Exit code 1 where anything that must hold did not."""

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

from tests.e2e.installation import running_installation
from tests.reliability.torture import plan
from tests.reliability.torture.campaign import Campaign, Say
from tests.reliability.torture.judge import checked, judge
from tests.reliability.torture.plan import Round
from tests.reliability.torture.report import Report
from tests.workers.conftest import StackProcess, reachable_folder


async def torture(rounds: list[Round], seed: int, seconds: float, say: Say) -> Report:
    """Start an installation, break it in these rounds, and judge what is left."""
    began = time.monotonic()
    with reachable_folder() as folder:
        stack = StackProcess(folder / "turnup", module=("-m", "tests.reliability.torture.stack"))
        async with running_installation(stack) as installation:
            campaign = Campaign(installation, say)
            left_out = await campaign.run(rounds, seconds)
            violations, orders = await judge(installation, campaign.shop)
            if violations:
                _keep_logs(folder, say)
    taken = time.monotonic() - began
    return Report(seed, taken, campaign.tally, orders, checked(), violations, campaign.shop.rounds, left_out)


def _keep_logs(folder: Path, say: Say) -> None:
    """Of a campaign that found something, what the processes said is worth reading."""
    kept = Path("torture-logs")
    kept.mkdir(exist_ok=True)
    for log in [*folder.glob("turnup/logs/*.log"), *folder.glob("out-*")]:
        (kept / log.name).write_bytes(log.read_bytes())
    say(f"the logs are in {kept}/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.torture", description=__doc__)
    parser.add_argument("--cases", type=int, default=400, help="how many at least; all there are where fewer")
    parser.add_argument("--seconds", type=float, default=420, help="begin no round after this time")
    parser.add_argument("--seed", type=int, default=None, help="what the plan is drawn from; a new one unless given")
    parser.add_argument("--round", action="append", default=[], help="only the round of this name; may be given again")
    parser.add_argument("--report", type=Path, default=Path("torture-report"), help="the folder of the report")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    only = [one for name in asked.round for one in plan.named(seed, name)]
    rounds = only or plan.rounds(seed, asked.cases)
    report = asyncio.run(torture(rounds, seed, asked.seconds, lambda line: print(line, flush=True)))
    report.write(asked.report)
    print(f"\n{report.as_text()}\n\nwritten to {asked.report}/torture.json and torture.txt")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
