"""What the stack's outputs tell of the time to come, by the functions that will decide it. No clock is read here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rotation.backends.protocol import Capabilities
from rotation.checks import History, Published
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.forecast import forecast
from rotation.ledger import Ledger
from rotation.model import Policy

ROTATIONS_TOLD = 3


def outlook(known: Mapping[str, Any], policy: Policy, capabilities: Capabilities, interval: timedelta) -> list[str]:
    """The next rotations and what they retire, if each run since the last publication and from now on succeeds.

    One line is written as `2026-12-28T02:00:00Z rotate (NearingExpiry)`.

    known: generation, created, expires, published_at and entries of a token, as its resources tell them
    """
    if any(known[name] is None for name in ("expires", "published_at", "entries")):
        return []  # the token failed, and with `--continue-on-error` the program goes on
    created, expires = from_rfc3339(known["created"]), from_rfc3339(known["expires"])
    history = History(
        known["generation"],
        created,
        expires,
        Published(known["generation"], expires),
        renewable=capabilities.renews,
        cap=created + capabilities.cap if capabilities.cap else None,
    )
    waiting = Ledger.from_state(known["entries"]).waiting()
    begun = from_rfc3339(known["published_at"])
    told = forecast(policy, history, waiting, begun, interval=interval, count=ROTATIONS_TOLD)
    return [f"{to_rfc3339(event.instant)} {event.action} ({event.reason})" for event in told]
