"""When a scheduled rotation may begin: windows of the week and blackout dates, by the clock on the wall.

A window is open while the local clock shows a time inside it. So an hour that the clock repeats in autumn is open twice
when it lies in a window, and an hour that it skips in spring is not there at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from rotation.model import WEEK, Policy, Window

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SECOND = timedelta(seconds=1)
_STRIDE = 9
"""Days looked at together: a week and a day on which the clock may skip the window."""
_SEARCHED = timedelta(days=3660)
"""How far ahead an opening is looked for; what is closed for ten years counts as closed for good."""


def is_open(policy: Policy, instant: datetime) -> bool:
    """Whether a scheduled rotation may begin now."""
    if not policy.windows and not policy.blackouts:
        return True
    local = instant.astimezone(ZoneInfo(policy.time_zone)).replace(tzinfo=None)
    if any(blackout.covers(local.date()) for blackout in policy.blackouts):
        return False
    midnight = datetime.combine(local.date(), time.min)
    return not policy.windows or _covers(policy.windows, local.weekday() * _DAY + (local - midnight))


def next_opening(policy: Policy, instant: datetime) -> datetime | None:
    """The first instant, from this one on, at which a rotation may begin; None when there is none in ten years."""
    if is_open(policy, instant):
        return instant
    zone = ZoneInfo(policy.time_zone)
    first = instant.astimezone(zone).date() - _DAY
    for start in range(0, _SEARCHED.days, _STRIDE):
        days = [first + (start + ahead) * _DAY for ahead in range(_STRIDE + 1)]
        turns = {turn for day in days for turn in _turns(policy, zone, day) if turn > instant}
        opening = min((turn for turn in turns if is_open(policy, turn)), default=None)
        if opening is not None:
            return opening
    return None


def longest_closed(policy: Policy) -> timedelta:
    """The longest time of a week, by the clock on the wall, in which no window is open; blackouts do not count."""
    spans = _spans(policy.windows)
    ends = [start + length for start, length in spans]
    closings = [end for end in ends if not _covers(policy.windows, end)]
    return max((min((start - end) % _WEEK for start, _ in spans) for end in closings), default=timedelta(0))


def _covers(windows: tuple[Window, ...], position: timedelta) -> bool:
    """Whether a place in the week, counted from Monday's midnight on, lies in a window."""
    return any((position - start) % _WEEK < length for start, length in _spans(windows))


@lru_cache(maxsize=256)
def _spans(windows: tuple[Window, ...]) -> tuple[tuple[timedelta, timedelta], ...]:
    """Where in the week each window opens, and for how long."""
    return tuple(
        (WEEK.index(day) * _DAY + window.opens, _length(window)) for window in windows for day in sorted(window.days)
    )


def _length(window: Window) -> timedelta:
    crosses = window.closes < window.opens
    return window.closes - window.opens + (_DAY if crosses else timedelta(0))


def _turns(policy: Policy, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """The instants of a local date at which something may open: its midnight, its windows, and a shift of the clock."""
    midnight = datetime.combine(day, time.min)
    for shown in {midnight, *(midnight + window.opens for window in policy.windows)}:
        for fold in (0, 1):
            yield shown.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    begins, ends = (edge.replace(tzinfo=zone).astimezone(UTC) for edge in (midnight, midnight + _DAY))
    if _offset(begins, zone) != _offset(ends, zone):
        yield _shift(begins, ends, zone)


def _shift(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second between two instants from which on the clock is set as at the later one."""
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
