"""`turnup simulate`: a scenario played on the running system, printed, drawn and held against the books."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.workers.test_cli import turnup
from tests.world import SAMPLES, World

SVG = "{http://www.w3.org/2000/svg}"


async def simulate(world: World, folder: Path, scenario: Path | str, *more: str) -> tuple[int, str, str]:
    key = world.api.headers["Authorization"].partition(" ")[2]
    words = ("simulate", "--scenario", str(scenario), *more)
    done = await asyncio.to_thread(turnup, *words, cwd=folder, api_url=str(world.api.base_url), api_key=key)
    return done.returncode, done.stdout, done.stderr


async def test_a_scenario_is_told_drawn_and_its_books_are_in_order(world: World, tmp_path: Path) -> None:
    scenario = SAMPLES / "scenarios" / "new-card.yaml"
    code, said, wrong = await simulate(world, tmp_path, scenario, "--months", "5", "--svg", "life.svg")
    assert (code, wrong) == (0, "")
    kinds = [line.split()[1] for line in said.splitlines() if line[:2] == "20"]
    assert (kinds.count("payment.paid"), kinds.count("payment.declined")) == (4, 1)
    assert said.count(" paid ") >= 5
    assert said.splitlines()[-1] == "the ledger balances, no period is billed twice, no invoice paid twice"
    picture = ElementTree.parse(tmp_path / "life.svg").getroot()
    told = [title.text or "" for title in picture.iter(f"{SVG}title")]
    assert sum("tok_" in (text.text or "") for text in picture.iter(f"{SVG}text")) == 2
    assert any(words.startswith("active 2026-01-15") for words in told)


@pytest.mark.parametrize("story", sorted(path.stem for path in (SAMPLES / "scenarios").iterdir()))
async def test_each_story_that_ships_can_be_told(world: World, tmp_path: Path, story: str) -> None:
    code, said, wrong = await simulate(world, tmp_path, SAMPLES / "scenarios" / f"{story}.yaml", "--months", "3")
    assert (code, wrong) == (0, "")
    assert said.splitlines()[-1] == "the ledger balances, no period is billed twice, no invoice paid twice"


async def test_a_scenario_that_is_none_is_refused_in_a_line_that_names_the_field(world: World, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("name: Odd\nstart: 2026-01-15T09:00:00Z\nsteps: [{after: P1M, do: dance}]\n")
    code, _, wrong = await simulate(world, tmp_path, "odd.yaml")
    assert (code, wrong.count("\n")) == (1, 1)
    assert "steps.0.do" in wrong
    assert "'cancel'" in wrong
