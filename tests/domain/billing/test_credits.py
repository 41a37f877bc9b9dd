"""Prepaid credit: drawn in the published order, held, used once, and never below zero."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.billing.credits import (
    CreditGrant,
    CreditSource,
    Draw,
    Wallet,
    available,
    commit,
    expire,
    given_back,
    granted,
    release,
    reserve,
    reserve_whole,
)
from domain.errors import Conflict, NotFound
from domain.money import Money
from tests.domain.billing.oracle_credits import Purse
from tests.domain.samples import NOW, eur

DAY = timedelta(days=1)


def grant(grant_id: str, minor: int, **changes: Any) -> CreditGrant:
    given_fields = {"id": grant_id, "amount": eur(minor), "source": CreditSource.purchased, "effective_at": NOW - DAY}
    return CreditGrant.model_validate(given_fields | changes)


def wallet(*grants: CreditGrant, **changes: Any) -> Wallet:
    return Wallet(customer="c-1", currency="EUR", grants=grants, **changes)


def drawn(purse: Wallet, wanted: int, now: datetime = NOW) -> list[tuple[str, int]]:
    _, made = reserve(purse, "key", eur(wanted), now)
    return [(draw.grant, draw.amount.minor) for draw in made.draws]


def test_lower_priority_numbers_are_drawn_first() -> None:
    purse = wallet(grant("late", 100, priority=9), grant("soon", 100, priority=1))

    assert drawn(purse, 150) == [("soon", 100), ("late", 50)]


def test_what_expires_sooner_is_drawn_first_and_what_never_does_last() -> None:
    purse = wallet(grant("never", 10), grant("later", 10, expires_at=NOW + 9 * DAY), grant("sooner", 10, expires_at=NOW + DAY))

    assert drawn(purse, 30) == [("sooner", 10), ("later", 10), ("never", 10)]


def test_the_oldest_is_drawn_first_where_all_else_is_equal() -> None:
    purse = wallet(grant("new", 10), grant("old", 10, effective_at=NOW - 9 * DAY))

    assert drawn(purse, 15) == [("old", 10), ("new", 5)]


def test_given_credit_goes_before_paid_credit_by_setting() -> None:
    # Stigg, "Credit consumption logic": A (priority 1, 1 Sep, paid, 50), B (1, 1 Sep, promotional, 20),
    # C (2, 15 Aug, promotional, 100) are drawn B, A, C
    expiry = NOW + 100 * DAY
    grants = (
        grant("A", 50, priority=1, expires_at=expiry),
        grant("B", 20, priority=1, expires_at=expiry, source="promotional"),
        grant("C", 100, priority=2, expires_at=expiry - 17 * DAY, source="promotional"),
    )

    assert drawn(wallet(*grants, promotional_first=True), 90) == [("B", 20), ("A", 50), ("C", 20)]


def test_credit_pays_what_it_can_and_the_rest_is_left_to_invoice() -> None:
    # Kong, "Credit then invoice": a charge of 100 and a balance of 40 consume 40, and 60 are invoiced
    purse, made = reserve(wallet(grant("a", 4000)), "I-1", eur(10000), NOW)

    assert made.draws == (Draw(grant="a", amount=eur(4000)),)
    assert available(purse, NOW) == eur(0)


def test_a_grant_is_usable_from_its_first_moment_and_not_at_its_expiry() -> None:
    purse = wallet(grant("a", 10, effective_at=NOW, expires_at=NOW + DAY))

    assert available(purse, NOW - timedelta(microseconds=1)) == eur(0)
    assert available(purse, NOW) == eur(10)
    assert available(purse, NOW + DAY) == eur(0)


@pytest.mark.money_case(27)
def test_what_is_held_is_not_held_twice() -> None:
    # 10.00; 7.00 held, so the second gets the 3.00 that are left and the third nothing
    purse, _ = reserve(wallet(grant("a", 1000)), "first", eur(700), NOW)
    purse, second = reserve(purse, "second", eur(700), NOW)
    purse, third = reserve(purse, "third", eur(700), NOW)

    assert second.draws == (Draw(grant="a", amount=eur(300)),)
    assert third.draws == ()


def test_all_or_nothing_holds_nothing_where_it_is_short() -> None:
    with pytest.raises(Conflict, match=r"has 10\.00 EUR of prepaid credit, less than 10\.01 EUR"):
        reserve_whole(wallet(grant("a", 1000)), "key", eur(1001), NOW)


def test_the_same_reservation_again_is_the_first_one() -> None:
    once, made = reserve(wallet(grant("a", 1000)), "key", eur(700), NOW)

    again, same = reserve(once, "key", eur(700), NOW)

    assert again == once
    assert same == made


def test_a_commit_of_a_part_frees_the_rest() -> None:
    purse, _ = reserve(wallet(grant("a", 300), grant("b", 700, priority=60)), "key", eur(800), NOW)

    purse = commit(purse, "key", eur(500))

    # 3.00 of a and 2.00 of b are used; 5.00 of b are free again
    assert [each.used for each in purse.grants] == [eur(300), eur(200)]
    assert available(purse, NOW) == eur(500)


def test_a_commit_twice_uses_it_once() -> None:
    purse, _ = reserve(wallet(grant("a", 1000)), "key", eur(700), NOW)

    once = commit(purse, "key", eur(400))

    assert commit(once, "key", eur(400)) == once
    assert commit(once, "key") == once


def test_released_credit_is_free_again_and_a_release_may_repeat() -> None:
    purse, _ = reserve(wallet(grant("a", 1000)), "key", eur(700), NOW)

    freed = release(purse, "key")

    assert available(freed, NOW) == eur(1000)
    assert release(freed, "key") == freed
    assert release(freed, "never held") == freed


def test_what_was_used_is_given_back_to_the_grants_it_came_from_once() -> None:
    purse, _ = reserve(wallet(grant("a", 100, priority=1), grant("b", 100)), "key", eur(150), NOW)
    used = commit(purse, "key", eur(120))
    back = given_back(used, "key")

    assert [each.left for each in used.grants] == [eur(0), eur(80)]
    assert [each.left for each in back.grants] == [eur(100), eur(100)]
    assert available(back, NOW) == eur(200)
    assert given_back(back, "key") == back


def test_what_was_only_held_or_never_was_is_given_back_too() -> None:
    purse = wallet(grant("a", 100))
    held, _ = reserve(purse, "key", eur(60), NOW)

    assert available(given_back(held, "key"), NOW) == eur(100)
    assert given_back(purse, "key") == purse


def test_what_is_settled_one_way_is_not_settled_the_other() -> None:
    purse, _ = reserve(wallet(grant("a", 1000)), "key", eur(700), NOW)

    with pytest.raises(Conflict, match="is committed"):
        release(commit(purse, "key"), "key")
    with pytest.raises(Conflict, match="is released"):
        commit(release(purse, "key"), "key")


def test_no_more_is_committed_than_was_held() -> None:
    purse, _ = reserve(wallet(grant("a", 1000)), "key", eur(700), NOW)

    with pytest.raises(Conflict, match=r"holds 7\.00 EUR, not 7\.01 EUR"):
        commit(purse, "key", eur(701))
    with pytest.raises(NotFound, match="no credit reservation other"):
        commit(purse, "other")


def test_expired_credit_is_written_off_once_and_what_is_held_is_honoured() -> None:
    purse, _ = reserve(wallet(grant("a", 1000, expires_at=NOW + DAY)), "key", eur(300), NOW)

    purse, gone = expire(purse, NOW + DAY)
    again, nothing = expire(purse, NOW + 2 * DAY)

    assert gone == (Draw(grant="a", amount=eur(700)),)
    assert (again, nothing) == (purse, ())
    assert commit(purse, "key").grants[0].used == eur(300)


def test_what_is_freed_after_the_expiry_expires_too() -> None:
    purse, _ = reserve(wallet(grant("a", 1000, expires_at=NOW + DAY)), "key", eur(300), NOW)
    purse, _ = expire(purse, NOW + DAY)

    purse, gone = expire(release(purse, "key"), NOW + 2 * DAY)

    assert gone == (Draw(grant="a", amount=eur(300)),)
    assert purse.grants[0].left == eur(0)


def test_a_grant_twice_is_there_once_even_after_use() -> None:
    purse = granted(wallet(), grant("a", 1000))
    purse = commit(reserve(purse, "key", eur(100), NOW)[0], "key")

    assert granted(purse, grant("a", 1000)) == purse
    with pytest.raises(Conflict, match="another content"):
        granted(purse, grant("a", 1001))


def test_currencies_are_never_mixed_in_a_wallet() -> None:
    yen = Money(minor=5, currency="JPY")

    with pytest.raises(ValueError, match="amount: is in JPY, the wallet in EUR"):
        granted(wallet(), grant("a", 1, amount=yen))
    with pytest.raises(ValidationError, match=r"grants\[0\].amount: is in JPY"):
        wallet(grant("a", 1, amount=yen))
    with pytest.raises(ValueError, match="wanted: must be zero or more in EUR"):
        reserve(wallet(), "key", yen, NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": eur(0)}, "amount: must be more than zero"),
        ({"expires_at": NOW - DAY}, "expires_at: must be after effective_at"),
        ({"priority": 101}, "priority"),
        ({"used": eur(11)}, "used: a grant is never used beyond its amount"),
        ({"effective_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - the fault under test
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        grant("a", 10, **changes)


GRANTS = st.builds(
    lambda minor, start, length, priority: {
        "minor": minor,
        "effective_at": NOW + start * DAY,
        "expires_at": None if length is None else NOW + (start + length) * DAY,
        "priority": priority,
    },
    st.integers(1, 40),
    st.integers(-3, 5),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(0, 2),
)
MOVES = st.lists(
    st.tuples(st.sampled_from(["reserve", "commit", "release", "expire"]), st.integers(0, 4), st.integers(0, 60)), max_size=25
)


@given(st.lists(GRANTS, min_size=1, max_size=5), MOVES)
def test_whatever_happens_each_cent_is_spent_at_most_once(
    grants: list[dict[str, Any]], moves: list[tuple[str, int, int]]
) -> None:
    purse, cents = wallet(), Purse()
    for index, fields in enumerate(grants):
        made = grant(f"g{index}", fields.pop("minor"), **fields)
        purse = granted(purse, made)
        cents.grant(made)

    for day, (verb, key, wanted) in enumerate(moves):
        purse = _play(purse, cents, verb, f"k{key}", wanted, NOW + day * DAY / 2)
        assert available(purse, NOW + day * DAY / 2).minor == len(cents.free(NOW + day * DAY / 2))

    for each in purse.grants:
        assert each.left.minor >= 0
        assert (each.used.minor if each.used else 0) == cents.count(each.id, "used")
        assert (each.expired.minor if each.expired else 0) == cents.count(each.id, "expired")


def _play(purse: Wallet, cents: Purse, verb: str, key: str, wanted: int, now: datetime) -> Wallet:
    try:
        if verb == "expire":
            purse, _ = expire(purse, now)
            cents.expire(now)
        elif verb == "reserve":
            if purse.reservation(key) is None:
                cents.reserve(key, wanted, now)
            purse, _ = reserve(purse, key, eur(wanted), now)
        elif verb == "commit":
            purse = commit(purse, key)
            cents.commit(key)
        else:
            purse = release(purse, key)
            cents.release(key)
    except (Conflict, NotFound):
        return purse
    return purse
