from __future__ import annotations

import pytest

from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def line(world: World) -> Line:
    """One token in a fresh world; nothing has run."""
    return Line(world)
