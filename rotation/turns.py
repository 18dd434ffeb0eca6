"""Whose turn it is when more rotations are due than may begin in one run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime


def drawn(due: Iterable[str], limit: int, now: datetime) -> frozenset[str]:
    """At most `limit` of the due tokens, by a lot that is drawn anew each day.

    Preview and up of one day agree, whichever asks first; and a token that cannot rotate, because its target is broken
    or its window is closed, does not keep the others waiting for long.
    """
    day = now.astimezone(UTC).date().isoformat()
    ranked = sorted(due, key=lambda token: hashlib.sha256(f"{day} {token}".encode()).digest())
    return frozenset(ranked[:limit])
