from __future__ import annotations

import pytest

from tests.sandbox.authentik_world import World


@pytest.fixture
def world() -> World:
    return World()
