"""Records for tests: sensible unless told otherwise, so that a test names only the fact that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.backends.protocol import Order
from rotation.checks import History
from rotation.model import Policy, minted_at, new_generation_id

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
OWNER = "sandbox-3f9a1c2b"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, length: timedelta) -> None:
        """Forward, or back by a negative length."""
        self.now += length


def a_policy(**parts: Any) -> Policy:
    """A policy of 90 days that rotates 33 days before the end; parts are written as in the config, None leaves out."""
    usual: dict[str, Any] = {"lifetime": "90d", "rotate_before": "33d", "overlap": "30d", "tolerated_outage": "3d"}
    return Policy.model_validate({name: part for name, part in {**usual, **parts}.items() if part is not None})


def a_generation(minted: datetime = START, token: str = "admin", owner: str = OWNER) -> str:  # noqa: S107 - a name
    """A fresh generation id."""
    return new_generation_id(owner, token, minted)


def a_history(**facts: Any) -> History:
    """The history of a generation minted at START, of which nothing is known but that."""
    generation = facts.pop("generation", None) or a_generation(facts.get("created", START))
    facts.setdefault("created", minted_at(generation))
    return History(generation=generation, **facts)


def an_order(now: datetime, *, lifetime: timedelta, spec: dict[str, Any], owner: str = OWNER) -> Order:
    """An order for a fresh generation of the token `admin`."""
    id_ = new_generation_id(owner, "admin", now)
    return Order(id=id_, owner=owner, token="admin", spec=spec, lifetime=lifetime, now=now)  # noqa: S106 - a name
