"""The fault campaign in its short form, and the making of its plan. `make torture` is the long one."""

from tests.reliability.torture.__main__ import torture
from tests.reliability.torture.plan import PROCESSES, How, Moment, named, rounds, shortened
from tests.reliability.torture.shapes import TARGETS
from workers.sandbox.faults import CALLBACK_MODES, Mode, applies

SEED = 7
SHORT = ("faults-1", "kill-worker-during", "kill-temporal-postgres", "restart-before")


async def test_broken_in_a_few_ways_nothing_is_lost_or_charged_twice() -> None:
    """About a minute: faults of the sandbox, workers and engines killed, everything killed and started again."""
    plan = [one for name in SHORT for one in named(SEED, name)]

    report = await torture(shortened(plan, 10), SEED, 60, print)

    assert report.tally.caught >= 10
    assert report.orders >= 40
    assert report.violations == [], report.as_text()


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
