"""Random lives of subscriptions: what is charged is what is used, and access is what is paid, at every due instant.

    pytest tests/properties/test_subscriptions.py                    the same few lives each time
    pytest tests/properties/test_subscriptions.py --examples 300     new ones each time

A life is played by `tests.properties.life_play`, and judged in plain arithmetic by `tests.properties.life_oracle`.
"""

import pytest
from hypothesis import given, note, settings

from tests.properties.life_cases import Life, lives
from tests.properties.life_found import FOUND
from tests.properties.life_play import LifePlay
from tests.world import World


@settings(settings.get_profile("lives"))
@given(case=lives)
async def test_whatever_happens_to_a_subscription_its_time_is_charged_once_and_access_is_what_is_paid(
    world: World, case: Life
) -> None:
    note(repr(case))
    await LifePlay(world, case).run()


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND.keys())
async def test_what_went_wrong_once_in_a_life_goes_right(world: World, case: Life) -> None:
    await LifePlay(world, case).run()
