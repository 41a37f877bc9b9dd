"""`turnup simulate`: a scenario played on the running system, printed, drawn and held against the books."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tests.workers.test_cli import turnup
from tests.world import SAMPLES, World
from workers.cli.scenario import read

IN_ORDER = "the ledger balances, no period is billed twice, no invoice paid twice; bean-check accepts them too"
SVG = "{http://www.w3.org/2000/svg}"


async def simulate(world: World, folder: Path, scenario: Path | str, *more: str) -> tuple[int, str, str]:
    key = world.api.headers["Authorization"].partition(" ")[2]
    words = ("simulate", "--scenario", str(scenario), *more)
    where = {"api_url": str(world.api.base_url), "api_key": key, "sandbox_url": world.sandbox.url}
    done = await asyncio.to_thread(turnup, *words, cwd=folder, **where)
    return done.returncode, done.stdout, done.stderr


async def test_a_scenario_is_told_drawn_and_its_books_are_in_order(world: World, tmp_path: Path) -> None:
    scenario = SAMPLES / "scenarios" / "new-card.yaml"
    code, said, wrong = await simulate(world, tmp_path, scenario, "--months", "5", "--svg", "life.svg")
    assert (code, wrong) == (0, "")
    kinds = [line.split()[1] for line in said.splitlines() if line[:2] == "20"]
    assert (kinds.count("payment.paid"), kinds.count("payment.declined")) == (4, 1)
    assert said.count(" paid ") >= 5
    assert said.splitlines()[-1] == IN_ORDER
    picture = ElementTree.parse(tmp_path / "life.svg").getroot()
    told = [title.text or "" for title in picture.iter(f"{SVG}title")]
    shown = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert sum("tok_" in text for text in shown) == 2
    assert "declined: insufficient funds" in shown
    assert shown.count("19.00") == kinds.count("invoice.issued") + 4
    assert any(words.startswith("active 2026-01-15") for words in told)


async def test_stories_of_trials_changes_and_failing_partners_can_be_told(world: World, tmp_path: Path) -> None:
    async def tell(story: str, *months: str) -> list[str]:
        code, said, wrong = await simulate(world, tmp_path, SAMPLES / "scenarios" / f"{story}.yaml", *months)
        assert (code, wrong, said.splitlines()[-1:]) == (0, "", [IN_ORDER]), story
        return [" ".join(line.split()[1:2]) for line in said.splitlines() if line[:2] == "20"]

    trial, upgrade, partner = await asyncio.gather(
        tell("trial", "--months", "1"), tell("upgrade", "--months", "3"), tell("partner-down")
    )
    assert trial.count("subscription.reminded") == 1
    assert upgrade.count("subscription.changed") == 1
    closed, opened = "service.suspended", "service.resumed"
    happened = [kind for kind in partner if kind.startswith("service.")]
    assert happened == [closed, opened, closed, "service.exported", "service.terminated"]


def test_every_story_that_ships_is_of_the_sample_catalogue() -> None:
    samples = yaml.safe_load((SAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
    sold = {(plan["product"], plan["id"]) for plan in samples["plans"]}
    stories = [read(file) for file in (SAMPLES / "scenarios").iterdir()]
    assert {(story.product, story.plan) for story in stories} <= sold
    changed = [(story.product, step.plan) for story in stories for step in story.steps if step.plan]
    assert changed
    assert set(changed) <= sold


async def test_a_scenario_that_is_none_is_refused_in_a_line_that_names_the_field(world: World, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("name: Odd\nstart: 2026-01-15T09:00:00Z\nsteps: [{after: P1M, do: dance}]\n")
    code, _, wrong = await simulate(world, tmp_path, "odd.yaml")
    assert (code, wrong.count("\n")) == (1, 1)
    assert "steps.0.do" in wrong
    assert "'cancel'" in wrong
    (tmp_path / "odd.yaml").write_text("name: Odd\nstart: 2026-01-15T09:00:00Z\nsteps: [{after: P1M, do: change}]\n")
    _, _, wrong = await simulate(world, tmp_path, "odd.yaml")
    assert "change needs plan or quantity" in wrong
