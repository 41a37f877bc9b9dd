"""The fault campaign on the command line. Exit code 1 where anything that must hold did not."""

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

from tests.e2e.installation import running_installation
from tests.reliability.torture import aftermath_judge, life_judge, plan
from tests.reliability.torture.campaign import Campaign, Say
from tests.reliability.torture.judge import checked, judge
from tests.reliability.torture.life_campaign import LifeCampaign
from tests.reliability.torture.life_plan import AFTERMATH, LIVES, LifeRound, Part, life_rounds
from tests.reliability.torture.plan import Round
from tests.reliability.torture.report import LifeReport, Report, write
from tests.workers.conftest import StackProcess, reachable_folder

OF_LIVES = (LIVES, AFTERMATH)
PARTS = ("orders", *(part.name for part in OF_LIVES))
JUDGES = {LIVES.name: life_judge, AFTERMATH.name: aftermath_judge}


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


async def torture_lives(rounds: list[LifeRound], seed: int, seconds: float, say: Say, part: Part = LIVES) -> LifeReport:
    """As `torture`, of the lives of subscriptions, in an installation of their own."""
    began = time.monotonic()
    with reachable_folder() as folder:
        stack = StackProcess(folder / "turnup", module=("-m", "tests.reliability.torture.stack"))
        async with running_installation(stack) as installation:
            campaign = LifeCampaign(installation, say, part)
            left_out = await campaign.run(rounds, seconds)
            violations = await JUDGES[part.name].judge(installation, campaign.lives)
            if violations:
                _keep_logs(folder, say)
    checked_ = JUDGES[part.name].checked()
    return LifeReport(part.name, seed, time.monotonic() - began, campaign, checked_, violations, left_out)


def _keep_logs(folder: Path, say: Say) -> None:
    """Of a campaign that found something, what the processes said is worth reading."""
    kept = Path("torture-logs")
    kept.mkdir(exist_ok=True)
    for log in [*folder.glob("turnup/logs/*.log"), *folder.glob("out-*")]:
        (kept / log.name).write_bytes(log.read_bytes())
    say(f"the logs are in {kept}/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.torture", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this one; may be given again")
    parser.add_argument("--cases", type=int, default=400, help="how many of each part at least; all there are where fewer")
    parser.add_argument("--seconds", type=float, default=330, help="begin no round of a part after this time")
    parser.add_argument("--seed", type=int, default=None, help="what the plan is drawn from; a new one unless given")
    parser.add_argument("--round", action="append", default=[], help="only the round of this name; may be given again")
    parser.add_argument("--report", type=Path, default=Path("torture-report"), help="the folder of the report")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    cases, parts = 10**6 if asked.round else asked.cases, asked.part or PARTS
    orders, of_lives = None, dict[str, LifeReport]()
    of_orders = [one for one in plan.rounds(seed, cases) if _is_asked(asked.round, one.name)]
    if of_orders and "orders" in parts:
        orders = asyncio.run(torture(of_orders, seed, asked.seconds, _say))
    for part in OF_LIVES:
        rounds = [one for one in life_rounds(seed, cases, part) if _is_asked(asked.round, one.name)]
        if rounds and part.name in parts:
            of_lives[part.name] = asyncio.run(torture_lives(rounds, seed, asked.seconds, _say, part))
    print(f"\n{write(asked.report, orders, of_lives)}\n\nwritten to {asked.report}/torture.json and torture.txt")
    return 1 if any(part.violations for part in (orders, *of_lives.values()) if part) else 0


def _is_asked(names: list[str], name: str) -> bool:
    return not names or name in names


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
