from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.clock import from_rfc3339
from rotation.errors import ClusterAway, ClusterError
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World

OVERLAP = timedelta(days=30)


def _value(world: World, key: str = "token", place: str = "apps/admin") -> str:
    return world.cluster.secrets[place].get(key, "")


def test_the_line_publishes_both_values_and_retires_after_the_overlap(line: Line, world: World) -> None:
    """Old and new both work from the publication to the deadline; the first run after it ends the old one."""
    line.run()
    first, first_value = line.generation, _value(world)
    world.later(days=60)
    line.run()
    assert (_value(world, "token-previous"), world.server.accepts(_value(world))) == (first_value, True)
    for _ in range(29):
        world.later(days=1)
        line.run()
        assert world.server.accepts(first_value)
        assert (world.cluster.receipt("admin").retired, _value(world, "token-previous")) == ((), first_value)
    world.later(days=1)
    line.run()
    assert not world.server.accepts(first_value)
    assert world.cluster.receipt("admin").retired == (first,)
    assert world.alive() == [line.generation]


def test_the_overlap_starts_at_the_publication(line: Line, world: World) -> None:
    """A target that was broken for ten days moves the deadline by ten days, and nothing is retired before it heals."""
    line.run()
    first, first_value = line.generation, _value(world)
    world.later(days=60)
    world.cluster.fail = {"publish": ClusterError}
    for _ in range(10):
        with pytest.raises(ClusterError):
            line.run()
        assert (_value(world), world.cluster.receipt("admin").generation) == (first_value, first)
        world.later(days=1)
    world.cluster.heal()
    line.run()
    [waiting] = world.cluster.receipt("admin").superseded
    assert (waiting.generation, waiting.deadline) == (first, world.clock() + OVERLAP)


def test_an_unpublished_successor_ends_nothing(line: Line, world: World) -> None:
    """However long the target stays broken, the published generation keeps working."""
    line.run()
    first_value = _value(world)
    world.later(days=60)
    world.cluster.fail = {"publish": ClusterAway, "write": ClusterAway}
    for _ in range(5):
        with pytest.raises(ClusterError):
            line.run()
        world.later(days=20)
        assert world.server.accepts(first_value)


def test_the_secret_promises_a_lower_bound(line: Line, world: World) -> None:
    """`previous-valid-until` is never later than the deadline that the ledger sets, whenever the publication comes."""
    line.run()
    world.later(days=60)
    world.cluster.fail = {"publish": ClusterError}
    with pytest.raises(ClusterError):
        line.run()
    world.later(days=5)
    world.cluster.heal()
    line.run()
    promised = from_rfc3339(line.outputs("pair")["previous_valid_until"])
    assert promised <= world.cluster.receipt("admin").superseded[0].deadline


def test_previous_is_shown_until_the_receipt_tells_that_it_is_dead(line: Line, world: World) -> None:
    """The run that retires still shows it; the next one drops it, from the pair, the Secret and `superseded`."""
    line.run()
    world.later(days=60)
    line.run()
    world.later(days=30)
    line.run()
    assert _value(world, "token-previous")
    line.run()
    assert (_value(world, "token-previous"), line.outputs("pair")["superseded"]) == ("", [])
    line.run()
    assert line.steps == []


def test_a_late_publication_still_shows_previous(line: Line, world: World) -> None:
    """A target that was broken for longer than overlap and tolerated outage gets current and previous together."""
    line.run()
    first_value = _value(world)
    world.later(days=60)
    world.cluster.fail = {"publish": ClusterError}
    for _ in range(2):
        with pytest.raises(ClusterError):
            line.run()
        world.later(days=34)
    world.cluster.heal()
    line.run()
    assert (_value(world, "token-previous"), world.server.accepts(first_value)) == (first_value, True)


def test_previous_goes_in_the_end_when_its_revocation_keeps_failing(line: Line, world: World) -> None:
    """After overlap and tolerated outage it is shown no longer, dead or not."""
    line.run()
    world.later(days=60)
    line.run()
    world.faults.refuse(500, method="DELETE", times=1000)
    world.later(days=33)
    line.run()
    assert _value(world, "token-previous")
    world.later(seconds=1)
    line.run()
    assert (_value(world, "token-previous"), len(line.outputs("pair")["superseded"])) == ("", 1)


def test_a_value_that_is_known_dead_is_not_promised(line: Line, world: World) -> None:
    """A generation that the backend does not have is no `previous`, and no instant is promised for it."""
    line.run()
    world.connect("authentik").revoke(line.generation)
    line.run()
    pair = line.outputs("pair")
    assert (pair["previous"], pair["previous_valid_until"]) == ("", "")
