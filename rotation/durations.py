"""Lengths of time as people write them: `365d`, `30m`, `45s`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS_IN_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=36_500)  # far beyond any token, and near enough for every calendar
_FORM = re.compile(r"(\d+)([smhd])")


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
