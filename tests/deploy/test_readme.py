"""The README against what is really there."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from activities.runtime.settings import settings_table
from workers.cli.main import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_what_the_code_says(readme: str) -> None:
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |" for name, default, meaning in settings_table()]

    assert [row for row in rows if row not in readme.splitlines()] == []
    named = set(re.findall(r"^\| `(TURNUP_\w+)`", readme, re.MULTILINE))
    assert named == {name for name, _default, _meaning in settings_table()}


def test_every_turnup_command_mentioned_exists(readme: str) -> None:
    turnup = get_command(app)
    assert isinstance(turnup, TyperGroup)

    mentioned = re.findall(r"(?:`|^)turnup ([a-z-]+)(?: ([a-z-]+))?", readme, re.MULTILINE)
    assert mentioned
    for name, below in mentioned:
        command = turnup.commands.get(name)
        assert command, f"there is no turnup {name}"
        if isinstance(command, TyperGroup) and below:
            assert below in command.commands, f"there is no turnup {name} {below}"


def test_every_relative_link_and_picture_leads_somewhere(readme: str) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", readme)]

    relative = {link for link in links if link and "://" not in link}
    assert relative
    assert {link for link in relative if not (ROOT / link).exists()} == set()
