"""One case: a world, one rule, and what it says there; with the words in which cases are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from tests.alerts.stack import HOUR, KINDS
from tests.alerts.world import World, healthy

NOW = 6 * HOUR
"""When a case is evaluated, unless it says otherwise."""
MINUTE = timedelta(minutes=1)
GRACE = 2 * HOUR
WELL = healthy()


@dataclass(frozen=True)
class Case:
    """One world and one rule: `rule` names the alert and the values of the labels that tell its rules apart.

    summary: what the alert says; empty where it must be silent
    labels:  what it bears beside its rule's own labels
    """

    rule: str
    world: World
    at: timedelta = NOW
    summary: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def ends_in(world: World, token: str, left: timedelta) -> World:
    """The token ends so long after NOW."""
    return world.of(token, "expires_timestamp_seconds", (NOW + left).total_seconds())


def due_since(world: World, token: str, ago: timedelta) -> World:
    """Its rotation fell due so long before NOW."""
    return world.of(token, "rotates_timestamp_seconds", (NOW - ago).total_seconds())


def aged(world: World, token: str, age: timedelta) -> World:
    """It is so old at NOW."""
    return world.of(token, "created_timestamp_seconds", (NOW - age).total_seconds())


def labels_of(token: str) -> dict[str, str]:
    """The labels of its series."""
    return {"token": token, "backend": KINDS[token], "kind": KINDS[token]}
