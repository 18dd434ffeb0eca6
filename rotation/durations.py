"""Lengths of time, times of day and dates as people write them: `365d`, `22:00`, `2026-12-20`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS_IN_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=36_500)  # far beyond any token, and near enough for every calendar
_FORM = re.compile(r"(\d+)([smhd])")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DAY = timedelta(days=1)


def parse_duration(text: object) -> timedelta:
    """Read `365d`, `12h`, `30m` or `45s`; raises ValueError for anything else, for `0d`, and beyond a century."""
    if isinstance(text, timedelta):
        return text
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a whole number and a unit, as in 365d, 12h, 30m or 45s")
    seconds = int(match[1]) * _UNITS_IN_SECONDS[match[2]]
    if not seconds:
        raise ValueError(f"{text!r} is no time at all; a duration must be longer than zero")
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than {format_duration(_LONGEST)}, the longest duration")
    return timedelta(seconds=seconds)


def format_duration(length: timedelta) -> str:
    """Write a length in the largest unit that holds it exactly; a negative one with a minus sign."""
    seconds = round(length.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS_IN_SECONDS[unit] == 0:
            return f"{seconds // _UNITS_IN_SECONDS[unit]}{unit}"
    return f"{seconds}s"


def approximate(length: timedelta) -> str:
    """Write a length for people, rounded down to the largest unit that fits: `25d` for 25 days and 3 hours."""
    seconds = int(length.total_seconds())
    unit = next((unit for unit in ("d", "h", "m") if seconds >= _UNITS_IN_SECONDS[unit]), "s")
    return f"{seconds // _UNITS_IN_SECONDS[unit]}{unit}"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
"""A field of a typed setting that is written as `365d`."""


def parse_time_of_day(text: object) -> timedelta:
    """Read `22:00` as the length from midnight on, up to `24:00`; raises ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    match = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    length = timedelta(hours=int(match[1]), minutes=int(match[2])) if match else None
    if length is None or length > _DAY:
        raise ValueError(f'{text!r} is no time of day; write it in quotes and with two digits each, as in "04:30"')
    return length


def format_time_of_day(length: timedelta) -> str:
    """Write a length from midnight on as a time of day."""
    minutes = round(length.total_seconds()) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_date(value: object) -> date:
    """Read `2026-12-20`, which a YAML reader may have read already; raises ValueError for anything else."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError(f"{value!r} is no date; write year, month and day, as in 2026-12-20")


LocalTime = Annotated[timedelta, BeforeValidator(parse_time_of_day), PlainSerializer(format_time_of_day)]
"""A field that is written as `22:00`."""
LocalDate = Annotated[date, BeforeValidator(parse_date), PlainSerializer(date.isoformat)]
"""A field that is written as `2026-12-20`."""
