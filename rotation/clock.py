"""Instants and how they are written. `now` is always an argument; only entry points call `system_clock`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def to_rfc3339(instant: datetime) -> str:
    """Write an aware instant in UTC with whole seconds, as in `2026-01-31T02:00:00Z`."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=4096)
def from_rfc3339(text: str) -> datetime:
    """Read an instant; raises ValueError when the text has no zone, because a naive instant cannot be compared."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} is an instant without a time zone")
    return instant.astimezone(UTC)
