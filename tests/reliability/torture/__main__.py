"""The fault campaign on the command line. Exit code 1 where anything that must hold did not."""

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

from tests.e2e.installation import running_installation
from tests.reliability.torture import life_judge, plan
from tests.reliability.torture.campaign import Campaign, Say
from tests.reliability.torture.judge import checked, judge
from tests.reliability.torture.life_campaign import LifeCampaign
from tests.reliability.torture.life_plan import LifeRound, life_rounds
from tests.reliability.torture.plan import Round
from tests.reliability.torture.report import LifeReport, Report, write
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


async def torture_lives(rounds: list[LifeRound], seed: int, seconds: float, say: Say) -> LifeReport:
    """As `torture`, of the lives of subscriptions, in an installation of their own."""
    began = time.monotonic()
    with reachable_folder() as folder:
        stack = StackProcess(folder / "turnup", module=("-m", "tests.reliability.torture.stack"))
        async with running_installation(stack) as installation:
            campaign = LifeCampaign(installation, say)
            left_out = await campaign.run(rounds, seconds)
            violations = await life_judge.judge(installation, campaign.lives)
            if violations:
                _keep_logs(folder, say)
    return LifeReport(seed, time.monotonic() - began, campaign, life_judge.checked(), violations, left_out)


def _keep_logs(folder: Path, say: Say) -> None:
    """Of a campaign that found something, what the processes said is worth reading."""
    kept = Path("torture-logs")
    kept.mkdir(exist_ok=True)
    for log in [*folder.glob("turnup/logs/*.log"), *folder.glob("out-*")]:
        (kept / log.name).write_bytes(log.read_bytes())
    say(f"the logs are in {kept}/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.torture", description=__doc__)
    parser.add_argument("--part", choices=["orders", "lives"], help="only the one of orders, or of the lives of subscriptions")
    parser.add_argument("--cases", type=int, default=400, help="how many of each part at least; all there are where fewer")
    parser.add_argument("--seconds", type=float, default=420, help="begin no round of a part after this time")
    parser.add_argument("--seed", type=int, default=None, help="what the plan is drawn from; a new one unless given")
    parser.add_argument("--round", action="append", default=[], help="only the round of this name; may be given again")
    parser.add_argument("--report", type=Path, default=Path("torture-report"), help="the folder of the report")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    of_orders = [one for one in plan.rounds(seed, 10**6 if asked.round else asked.cases) if _is_asked(asked.round, one.name)]
    of_lives = [one for one in life_rounds(seed, 10**6 if asked.round else asked.cases) if _is_asked(asked.round, one.name)]
    orders, lives = None, None
    if of_orders and asked.part != "lives":
        orders = asyncio.run(torture(of_orders, seed, asked.seconds, _say))
    if of_lives and asked.part != "orders":
        lives = asyncio.run(torture_lives(of_lives, seed, asked.seconds, _say))
    print(f"\n{write(asked.report, orders, lives)}\n\nwritten to {asked.report}/torture.json and torture.txt")
    return 1 if any(part.violations for part in (orders, lives) if part) else 0


def _is_asked(names: list[str], name: str) -> bool:
    return not names or name in names


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
