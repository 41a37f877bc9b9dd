"""The fault campaign in its short form, and the making of its plan. `make torture` is the long one."""

from dataclasses import replace

import pytest

from tests.reliability.torture.__main__ import torture, torture_lives
from tests.reliability.torture.afterwards import AFTERWARDS
from tests.reliability.torture.life_plan import AFTERMATH, LIVES, Part, life_rounds
from tests.reliability.torture.lives import CATCHES
from tests.reliability.torture.plan import PROCESSES, How, Moment, named, rounds, shortened
from tests.reliability.torture.shapes import TARGETS
from workers.sandbox.faults import CALLBACK_MODES, Mode, applies

SEED = 7
SHORT = ("faults-1", "restart-before")
SHORT_LIFE = "aftermath-kill-worker-during"


async def test_broken_in_a_few_ways_nothing_is_lost_or_charged_twice() -> None:
    """Half a minute: faults of the sandbox, everything killed and started again. Kills of one at a time are in tests/e2e."""
    plan = [one for name in SHORT for one in named(SEED, name)]

    report = await torture(shortened(plan, 10), SEED, 60, print)

    assert report.tally.caught >= 5
    assert report.orders >= 20
    assert report.violations == [], report.as_text()


async def test_workers_killed_while_subscriptions_live_and_money_goes_back_nothing_is_charged_or_booked_twice() -> None:
    """Subscriptions, and what comes after payments, side by side in one installation."""
    part = replace(AFTERMATH, catches=(*CATCHES[::5], *AFTERWARDS[1::5]))
    [one] = [each for each in life_rounds(SEED, 10**6, part) if each.name == SHORT_LIFE]

    report = await torture_lives([one], SEED, 60, print, part)

    assert report.campaign.caught >= 3
    assert report.violations == [], report.as_text()


@pytest.mark.parametrize("part", [LIVES, AFTERMATH], ids=lambda part: part.name)
def test_a_subscription_is_caught_at_each_call_by_each_fault_and_each_kill(part: Part) -> None:
    plan = life_rounds(SEED, 10**6, part)
    met = {(case.caught.name, case.mode) for one in plan if one.blow.how is How.fault for case in one.cases}
    assert met == {
        (caught.name, mode)
        for caught in part.catches
        for mode in Mode
        if mode not in CALLBACK_MODES and applies(mode, caught.operation)
    }
    for victim in PROCESSES:
        kills = [one for one in plan if one.blow.how is How.kill and one.blow.victims == (victim,)]
        assert {one.name.rpartition("-")[2] for one in kills} == set(Moment)
        assert all({case.caught for case in one.cases} == set(part.catches) for one in kills if one.blow.focus is None)
    assert plan == life_rounds(SEED, 10**6, part)


def test_every_way_of_misbehaving_is_met_at_every_step_where_it_can_be() -> None:
    met = {(case.target.name, case.mode) for one in rounds(SEED, 10**6) if one.how is How.fault for case in one.cases}
    possible = {
        (target.name, mode)
        for target in TARGETS
        for mode in Mode
        if mode not in CALLBACK_MODES and applies(mode, target.operation)
    }
    assert possible <= met
    assert {mode for _, mode in met} == set(Mode)


def test_every_process_is_killed_before_during_and_after_each_step_is_and_two_at_once() -> None:
    plan = rounds(SEED, 10**6)
    for victim in PROCESSES:
        held = [one for one in plan if one.how is How.kill and one.victims == (victim,)]
        assert {moment for one in held for moment in {case.moment for case in one.cases}} == set(Moment)
        assert any(one.how is How.freeze and one.victims == (victim,) for one in plan)
        for moment in (Moment.before, Moment.during):
            caught = {case.target for one in held for case in one.cases if case.moment is moment}
            assert caught == set(TARGETS)
    assert len({one.victims for one in plan if one.how is How.kill and len(one.victims) == 2}) == 10
    assert any(one.how is How.restart for one in plan)


def test_the_plan_of_a_seed_is_the_same_each_time_and_a_round_can_be_taken_out_of_it() -> None:
    assert rounds(SEED, 200) == rounds(SEED, 200)
    assert rounds(SEED, 200) != rounds(SEED + 1, 200)
    [one] = named(SEED, "kill-worker-during")
    assert one in rounds(SEED, 10**6)


def test_a_plan_has_as_many_cases_as_asked_for() -> None:
    assert 200 <= sum(len(one.cases) for one in rounds(SEED, 200)) < 200 + 40
    assert sum(len(one.cases) for one in rounds(SEED, 10**6)) >= 400
