"""SEC-25: nobody is called outside of the hours of the place where the number belongs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.campaigns.calling_hours import CallingHours, zones_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
# A year of each side of the changes of clocks, and the days of the changes themselves, of both hemispheres.
CHANGES = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01")
AT = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.builds(
        lambda day, minutes: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=minutes - 1440),
        st.sampled_from(CHANGES),
        st.integers(0, 3 * 1440),
    ),
)
HOURS = st.builds(
    lambda start, length, days, holidays: CallingHours(
        start, min(1440, start + length), frozenset(days), frozenset(date.fromisoformat(day) for day in holidays)
    ),
    st.integers(0, 1430),
    st.integers(10, 1440),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.sampled_from(CHANGES)),
)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A number of any region, of those that it gives out."""
    region = draw(st.sampled_from(REGIONS))
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    example = phonenumbers.example_number_for_type(region, kind)
    assume(example is not None)
    assert example is not None
    digits = draw(st.integers(0, 999))
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    return f"{written[:-3]}{digits:03}"


def inside(hours: CallingHours, at: datetime, number: str) -> bool:
    """By the wall clock of each of the zones that libphonenumber names."""
    names = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse(number))
    for name in names:
        wall = at.astimezone(ZoneInfo(name)).replace(tzinfo=None)
        midnight = datetime.combine(wall.date(), datetime.min.time())
        begins, ends = midnight + timedelta(minutes=hours.start), midnight + timedelta(minutes=hours.end)
        if not begins <= wall < ends or wall.weekday() not in hours.days or wall.date() in hours.holidays:
            return False
    return bool(names)


@given(numbers(), AT, HOURS)
def test_nobody_is_called_outside_of_the_window(number: str, at: datetime, hours: CallingHours) -> None:
    zones = zones_of(number)
    assume(zones)
    assert hours.always or hours.open(at, zones) is inside(hours, at, number)
    opens = hours.next_open(at, zones)
    if opens is not None:
        assert opens >= at
        assert hours.always or inside(hours, opens, number)


@given(numbers(), AT)
def test_everybody_is_called_at_some_time_of_the_usual_hours(number: str, at: datetime) -> None:
    """At the next opening, not at a later one: none is passed over by more than a quarter of an hour."""
    hours, zones = CallingHours(), zones_of(number)
    assume(zones)
    opens = hours.next_open(at, zones)
    before = [at + timedelta(minutes=minutes) for minutes in range(0, 2 * 1440, 10)]
    first = next((one for one in before if inside(hours, one, number)), None)
    if first is not None:
        assert opens is not None
        assert opens <= first + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("number", "zone"),
    [("+4930123456", "Europe/Berlin"), ("+12125550123", "America/New_York"), ("+16025550123", "America/Phoenix")],
)
def test_a_number_is_where_its_area_code_is(number: str, zone: str) -> None:
    assert zones_of(number) == (ZoneInfo(zone),)


def test_a_number_of_several_zones_is_called_when_it_is_time_in_all() -> None:
    zones = zones_of("+18005550123")
    assert len(zones) > 1
    hours = CallingHours(9 * 60, 17 * 60)
    opens = hours.next_open(datetime(2026, 5, 4, 8, tzinfo=UTC), zones)
    assert opens is None or all(9 <= opens.astimezone(zone).hour < 17 for zone in zones)


def test_where_nothing_is_known_nobody_is_called_unless_the_hours_never_close() -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert zones_of("600") == ()
    assert CallingHours().next_open(at, ()) is None
    assert CallingHours(0, 1440).open(at, ())


def test_a_window_that_begins_in_the_hour_that_is_left_out_opens_after_it() -> None:
    """In Berlin the clock goes from 02:00 to 03:00 on March 29, 2026."""
    hours = CallingHours(2 * 60 + 30, 4 * 60)
    berlin = ZoneInfo("Europe/Berlin")
    opens = hours.next_open(datetime(2026, 3, 28, 23, 30, tzinfo=UTC), [berlin])
    assert opens is not None
    assert opens.astimezone(berlin).replace(tzinfo=None) in (datetime(2026, 3, 29, 3), datetime(2026, 3, 29, 3, 30))


def test_in_the_hour_that_comes_twice_nobody_is_called_whose_window_is_over() -> None:
    """In New York 01:30 comes twice on November 1, 2026."""
    hours, zone = CallingHours(0, 60), ZoneInfo("America/New_York")
    for at in (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)):
        assert at.astimezone(zone).hour == 1
        assert not hours.open(at, [zone])
