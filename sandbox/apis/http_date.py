"""The `date` header that every simulated server sends, as real ones do: clients look there for a clock that is off."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache


def http_date(now: datetime) -> str:
    """`Wed, 25 Nov 2026 14:59:04 GMT`, in whole seconds."""
    return _written(now.replace(microsecond=0))


@lru_cache(maxsize=16)
def _written(second: datetime) -> str:
    """Remembered, because virtual time stands still for many calls."""
    return format_datetime(second, usegmt=True)
