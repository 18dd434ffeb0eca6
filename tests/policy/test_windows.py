"""Windows and blackouts: when a rotation may begin, by the clock on the wall, also when that clock is shifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.clock import from_rfc3339
from rotation.model import Policy
from rotation.testing.builders import SECOND, a_policy
from rotation.testing.strategies import calendars, instants
from rotation.windows import is_open, longest_closed, next_opening

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BERLIN = "Europe/Berlin"  # +01:00; +02:00 from 2026-03-29T01:00:00Z to 2026-10-25T01:00:00Z


def windows(*written: tuple[str, str, str], zone: str = "UTC", **parts: Any) -> Policy:
    """A policy with windows written as days, from, to; no days are every day."""
    listed = [
        {**({"days": days.split()} if days else {}), "from": opens, "to": closes} for days, opens, closes in written
    ]
    return a_policy(windows=listed, time_zone=zone, **parts)


@dataclass(frozen=True)
class Row:
    """A policy, an instant, and the first instant from then on at which it is open."""

    policy: Policy
    now: str
    opens: str


SHIFTED = windows(("", "02:15", "02:45"), zone=BERLIN)
AROUND = windows(("", "01:30", "02:30"), zone=BERLIN)
SUNDAYS = windows(("sun", "02:15", "02:45"), zone=BERLIN)
CHRISTMAS = [{"from": "2026-12-20", "to": "2027-01-03"}]

ROWS: dict[str, Row] = {
    "any time will do": Row(a_policy(), "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
    "a second before it opens": Row(windows(("", "09:00", "17:00")), "2026-01-01T08:59:59Z", "2026-01-01T09:00:00Z"),
    "as it opens": Row(windows(("", "09:00", "17:00")), "2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z"),
    "the last second": Row(windows(("", "09:00", "17:00")), "2026-01-01T16:59:59Z", "2026-01-01T16:59:59Z"),
    "as it closes": Row(windows(("", "09:00", "17:00")), "2026-01-01T17:00:00Z", "2026-01-02T09:00:00Z"),
    "on the evening that it crosses": Row(
        windows(("", "22:00", "04:00")), "2026-01-01T23:00:00Z", "2026-01-01T23:00:00Z"
    ),
    "on the morning after": Row(windows(("", "22:00", "04:00")), "2026-01-01T03:59:59Z", "2026-01-01T03:59:59Z"),
    "at noon between two nights": Row(windows(("", "22:00", "04:00")), "2026-01-01T12:00:00Z", "2026-01-01T22:00:00Z"),
    "the night of Saturday, on Sunday": Row(
        windows(("sat", "22:00", "04:00")), "2026-01-04T03:00:00Z", "2026-01-04T03:00:00Z"
    ),
    "the night of Saturday, on Saturday's morning": Row(
        windows(("sat", "22:00", "04:00")), "2026-01-03T03:00:00Z", "2026-01-03T22:00:00Z"
    ),
    "the night of Sunday reaches into Monday": Row(
        windows(("sun", "22:00", "04:00")), "2026-01-05T03:00:00Z", "2026-01-05T03:00:00Z"
    ),
    "a whole day to its end": Row(windows(("sat", "00:00", "24:00")), "2026-01-03T23:59:59Z", "2026-01-03T23:59:59Z"),
    "a whole day is over": Row(windows(("sat", "00:00", "24:00")), "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z"),
    "the nearer of two": Row(
        windows(("fri", "01:00", "02:00"), ("thu", "20:00", "21:00")), "2026-01-01T12:00:00Z", "2026-01-01T20:00:00Z"
    ),
    "by the clock of Berlin in winter": Row(
        windows(("", "09:00", "17:00"), zone=BERLIN), "2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"
    ),
    "and in summer": Row(windows(("", "09:00", "17:00"), zone=BERLIN), "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"),
    "by the date of Auckland": Row(
        windows(("fri", "00:00", "01:00"), zone="Pacific/Auckland"), "2026-01-01T00:00:00Z", "2026-01-01T11:00:00Z"
    ),
    "the hour of the window is skipped in spring": Row(SHIFTED, "2026-03-29T00:00:00Z", "2026-03-30T00:15:00Z"),
    "and it opens on Sundays alone": Row(SUNDAYS, "2026-03-23T00:00:00Z", "2026-04-05T00:15:00Z"),
    "its second half is skipped": Row(AROUND, "2026-03-29T01:00:00Z", "2026-03-29T23:30:00Z"),
    "its beginning is skipped": Row(
        windows(("", "02:30", "04:00"), zone=BERLIN), "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"
    ),
    "it comes twice in autumn, and this is before": Row(SHIFTED, "2026-10-24T23:00:00Z", "2026-10-25T00:15:00Z"),
    "it comes twice, and this is between": Row(SHIFTED, "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"),
    "it comes twice, and this is after": Row(SHIFTED, "2026-10-25T01:45:00Z", "2026-10-26T01:15:00Z"),
    "the clock is set back into it": Row(AROUND, "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
    "a blackout begins on its date": Row(a_policy(blackouts=CHRISTMAS), "2026-12-20T00:00:00Z", "2027-01-04T00:00:00Z"),
    "a second before a blackout": Row(a_policy(blackouts=CHRISTMAS), "2026-12-19T23:59:59Z", "2026-12-19T23:59:59Z"),
    "a blackout ends with its date": Row(a_policy(blackouts=CHRISTMAS), "2027-01-03T23:59:59Z", "2027-01-04T00:00:00Z"),
    "a blackout by the date of Berlin": Row(
        a_policy(blackouts=CHRISTMAS, time_zone=BERLIN), "2026-12-19T23:00:00Z", "2027-01-03T23:00:00Z"
    ),
    "two blackouts in a row": Row(
        a_policy(blackouts=[*CHRISTMAS, {"from": "2027-01-04", "to": "2027-01-05"}]),
        "2026-12-25T00:00:00Z",
        "2027-01-06T00:00:00Z",
    ),
    "a blackout cuts a night": Row(
        windows(("", "22:00", "04:00"), blackouts=[{"from": "2026-01-02", "to": "2026-01-02"}]),
        "2026-01-02T00:00:00Z",
        "2026-01-03T00:00:00Z",
    ),
    "a blackout ends at a midnight that the clock skips": Row(
        a_policy(blackouts=[{"from": "2026-09-01", "to": "2026-09-05"}], time_zone="America/Santiago"),
        "2026-09-04T00:00:00Z",
        "2026-09-06T04:00:00Z",
    ),
    "the clock was set back over midnight, into the evening before": Row(
        windows(("", "23:30", "23:45"), zone="America/St_Johns"), "2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z"
    ),
    "a blackout of years": Row(
        windows(("sat", "10:00", "11:00"), blackouts=[{"from": "2026-01-01", "to": "2030-12-31"}]),
        "2026-01-01T12:00:00Z",
        "2031-01-04T10:00:00Z",
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_next_opening(row: Row) -> None:
    """For each instant: open now, or closed and opened at that second and not before."""
    now, opens = from_rfc3339(row.now), from_rfc3339(row.opens)
    assert next_opening(row.policy, now) == opens
    assert is_open(row.policy, opens)
    assert is_open(row.policy, now) is (now == opens)
    if now < opens:
        assert not is_open(row.policy, opens - SECOND)


def test_what_is_closed_for_good_has_no_opening() -> None:
    """The search ends: what does not open in ten years counts as closed."""
    now = from_rfc3339("2026-01-01T12:00:00Z")
    assert next_opening(a_policy(blackouts=[{"from": "2026-01-01", "to": "2099-12-31"}]), now) is None
    assert next_opening(a_policy(blackouts=[{"from": "2026-01-01", "to": "2035-12-31"}]), now) is not None


@settings(max_examples=60)
@given(calendars(), instants(), st.integers(0, 59))
def test_nothing_between_is_open(calendar: dict[str, Any], now: datetime, odd: int) -> None:
    """The next opening is open and not in the past, and no second looked at between now and it is open."""
    policy, now = a_policy(**calendar), now.replace(second=odd)
    opening = next_opening(policy, now)
    assert opening is not None
    assert opening >= now
    assert is_open(policy, opening)
    step = max(MINUTE, (opening - now) // 2000 // MINUTE * MINUTE)
    looked_at = [opening - count * step for count in range(1, (opening - now) // step + 1)]
    assert not any(is_open(policy, instant) for instant in [*looked_at, *([opening - SECOND] if opening > now else [])])


SHIFTS = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("America/Santiago", "2026-04-05T03:00:00Z"),
    ("America/Santiago", "2026-09-06T04:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
]


@settings(max_examples=100)
@given(calendars(), st.sampled_from(SHIFTS), st.integers(-180, 180))
def test_a_shift_of_the_clock_is_no_surprise(calendar: dict[str, Any], shift: tuple[str, str], minutes: int) -> None:
    """Around each shift, forth and back, the next opening is what a search minute by minute finds."""
    policy = a_policy(**{**calendar, "time_zone": shift[0]})
    now = from_rfc3339(shift[1]) + minutes * MINUTE
    ahead = (now + count * MINUTE for count in range(6 * 60))
    found = next((instant for instant in ahead if is_open(policy, instant)), None)
    opening = next_opening(policy, now)
    assert opening == found if found else opening is None or opening >= now + 6 * HOUR


@given(calendars(), instants())
def test_open_is_what_the_local_clock_shows(calendar: dict[str, Any], now: datetime) -> None:
    """A plain reading of the local clock agrees: a window of its day, or of the day before across midnight."""
    policy = a_policy(**calendar)
    local = now.astimezone(ZoneInfo(policy.time_zone))
    today, yesterday = local.strftime("%a").lower(), (local - timedelta(days=1)).strftime("%a").lower()
    shown = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    inside = False
    for window in policy.windows:
        if window.opens < window.closes:
            inside |= today in window.days and window.opens <= shown < window.closes
        else:
            inside |= today in window.days and shown >= window.opens
            inside |= yesterday in window.days and shown < window.closes
    black = any(blackout.first <= local.date() <= blackout.last for blackout in policy.blackouts)
    assert is_open(policy, now) is ((inside or not policy.windows) and not black)


@pytest.mark.parametrize(
    ("policy", "longest"),
    [
        (a_policy(), timedelta(0)),
        (a_policy(blackouts=CHRISTMAS), timedelta(0)),
        (windows(("", "22:00", "04:00")), 18 * HOUR),
        (windows(("", "00:00", "24:00")), timedelta(0)),
        (windows(("sun", "22:00", "04:00")), 7 * 24 * HOUR - 6 * HOUR),
        (windows(("sat sun", "00:00", "24:00")), 5 * 24 * HOUR),
        (windows(("mon", "00:00", "12:00"), ("mon", "06:00", "18:00")), 6 * 24 * HOUR + 6 * HOUR),
        (windows(("mon", "00:00", "12:00"), ("mon", "12:00", "18:00")), 6 * 24 * HOUR + 6 * HOUR),
        (windows(("mon thu", "00:00", "01:00")), 95 * HOUR),
    ],
)
def test_the_longest_closed_time_of_a_week(policy: Policy, longest: timedelta) -> None:
    """From the last window's end to the next one's begin, over the week's end as well; blackouts do not count."""
    assert longest_closed(policy) == longest


@settings(max_examples=50)
@given(calendars())
def test_no_week_is_closed_for_longer(calendar: dict[str, Any]) -> None:
    """In UTC no wait for an opening is longer than the longest closed time, and one is as long."""
    policy = a_policy(windows=calendar["windows"])
    monday = from_rfc3339("2026-01-05T00:00:00Z")
    closed = [timedelta(0)]
    for closes in _closings(policy):
        opening = next_opening(policy, monday + closes)
        assert opening is not None
        closed.append(opening - monday - closes)
    assert longest_closed(policy) == max(closed)


def _closings(policy: Policy) -> list[timedelta]:
    """The minutes of a week in which something closes."""
    minutes = (count * MINUTE for count in range(7 * 24 * 60))
    ends = {window.closes % timedelta(days=1) for window in policy.windows}
    return [minute for minute in minutes if minute % timedelta(days=1) in ends]
