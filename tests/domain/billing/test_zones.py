"""Wall-clock times and their instants where the clocks jump."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.billing.zones import instant_of, local_date, midnight, zone_of


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-07-01T12:00:00", "Europe/Berlin", "2026-07-01T10:00:00"),
        # Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC
        ("2026-03-29T02:00:00", "Europe/Berlin", "2026-03-29T01:00:00"),
        ("2026-03-29T02:59:59.999999", "Europe/Berlin", "2026-03-29T01:00:00"),
        ("2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00"),
        # Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC
        ("2026-10-25T02:00:00", "Europe/Berlin", "2026-10-25T00:00:00"),
        ("2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00"),
        # Lord Howe Island, 4 October 2026: 02:00 becomes 02:30, from UTC+10:30 to UTC+11, at 15:30 UTC of the 3rd
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:30:00"),
        # Samoa left out 30 December 2011: from UTC-10 to UTC+14 at 10:00 UTC
        ("2011-12-30T08:00:00", "Pacific/Apia", "2011-12-30T10:00:00"),
    ],
)
def test_a_wall_clock_time_has_one_instant(wall: str, zone: str, instant: str) -> None:
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC)

    assert instant_of(datetime.fromisoformat(wall), ZoneInfo(zone)) == expected


def test_a_day_begins_at_its_first_instant_and_the_one_before_belongs_to_the_day_before() -> None:
    # Havana, 8 March 2026: midnight becomes 01:00 at 05:00 UTC
    havana = zone_of("America/Havana")
    first = midnight(date(2026, 3, 8), havana)

    assert first == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert local_date(first, havana) == date(2026, 3, 8)
    assert local_date(datetime(2026, 3, 8, 4, 59, tzinfo=UTC), havana) == date(2026, 3, 7)
