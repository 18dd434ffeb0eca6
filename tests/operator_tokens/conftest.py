"""The simulated cluster of the tests of operational tokens, searched for values when each test has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operator_tokens.team_world import TeamWorld


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[TeamWorld]:
    """A cluster with two teams. Afterwards no value that was ever published stands outside a Secret's data."""
    world = TeamWorld()
    yield world
    if world.values:
        world.assert_nothing_is_revealed()
