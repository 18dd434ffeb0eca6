from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

SERVER = Declared(spec={"mode": "server"})


def test_a_token_is_replaced_and_revoked_before_the_server_ends_it() -> None:
    """With a server that ends tokens after 120 days, ours goes by the policy: replaced at 60, revoked at 90."""
    world = World(default_token_duration="days=120")
    line = Line(world, SERVER)
    line.run()
    first = line.generation
    for day in range(0, 90, 10):
        assert (first in world.alive(), world.mints()) == (True, 1 if day < 60 else 2)
        world.later(days=10)
        line.run()
    assert world.alive() == [line.generation]


def test_the_granted_end_counts_not_the_one_wished_for() -> None:
    """The server grants 90 days of the 100: the token is due at 50."""
    world = World(default_token_duration="days=90")
    line = Line(world, SERVER)
    line.run()
    world.later(days=50, seconds=-1)
    line.run()
    assert world.mints() == 1
    world.later(seconds=1)
    line.run()
    assert world.mints() == 2


def test_a_life_that_cannot_hold_the_policy_is_refused_with_its_margin() -> None:
    """A server that grants 30 minutes: revoked at once, nothing published, nothing in the state."""
    world = World()
    line = Line(world, SERVER)
    with pytest.raises(VerbError, match=r"GrantedTooShort: mint admin at authentik: .*granted 30m.*margin -"):
        line.run()
    assert (world.alive(), world.cluster.secrets, "token admin" in line.state) == ([], {}, False)


def test_a_token_that_never_ends_is_retired_all_the_same(line: Line, world: World) -> None:
    """In the mode `schedule` the server ends nothing; the ledger does."""
    line.run()
    first = line.generation
    for _ in range(3):
        world.later(days=30)
        line.run()
    assert first not in world.alive()
