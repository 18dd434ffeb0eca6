"""A line as an older release stored it, in a world that is as it was left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rotation.clock import from_rfc3339
from sandbox.apis.authentik import Authentik
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World

STATES = Path(__file__).parents[1] / "states"


def restored(release: str) -> tuple[Line, World, str]:
    """The line, its world, and the orphan that its sweep has entered."""
    stored: dict[str, Any] = json.loads((STATES / release / "line.json").read_text())
    world = World()
    world.clock.now = from_rfc3339(stored["captured"])
    issue_again(world.server, stored["authentik"])
    world.cluster.entries, world.cluster.secrets = stored["receipts"], stored["secrets"]
    line = Line(world)
    line.state = stored["state"]
    return line, world, stored["orphan"]


def issue_again(server: Authentik, rows: list[dict[str, Any]]) -> None:
    """Put the tokens in place that were alive when a state was stored."""
    for row in rows:
        server.issue(row["username"], row["identifier"], key=row["key"], expiring=row["expiring"])
        server._store.tokens[row["identifier"]].description = row["description"]
