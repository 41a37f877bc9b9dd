"""Random orders, to which people and partners do what they can, always end with the books in order.

    pytest tests/properties                     the same few orders each time
    pytest tests/properties --examples 500      new ones each time, for as long as that takes

Where one fails, hypothesis makes it smaller and prints the case; put among those of `tests.properties.found` it stays. A case
is played by `tests.properties.play`, and judged from outside by `tests.properties.oracle`. The history of each order is
replayed against the code as it is, at its end and in each state that any order is found in.
"""

import pytest
from hypothesis import given, note, settings

from tests.properties.cases import Case, cases
from tests.properties.found import FOUND
from tests.properties.play import Play
from tests.world import World

SEEN: set[str] = set()
"""The states of orders whose history was replayed while they were in it."""


@settings(settings.get_profile("orders"))
@given(case=cases)
async def test_whatever_happens_to_an_order_its_books_are_in_order(world: World, case: Case) -> None:
    note(repr(case))
    await Play(world, case, SEEN).run()


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND.keys())
async def test_what_went_wrong_once_goes_right(world: World, case: Case) -> None:
    await Play(world, case, SEEN).run()
