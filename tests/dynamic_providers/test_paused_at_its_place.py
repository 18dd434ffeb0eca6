"""The annotations auto-renew and auto-rotate on a published Secret: set to false by a person, they pause that act."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.reasons import Reason
from sandbox.servers.openbao import OpenBaoServer
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.vault_world import VaultWorld
from tests.dynamic_providers.world import World

PLACE = "apps/admin"


def test_auto_rotate_pauses_what_time_asks_for(line: Line, world: World) -> None:
    """Due, it is not rotated, and it says until when it lives; switched on again, it is."""
    line.run()
    world.cluster.paused[PLACE] = {"auto_rotate"}
    world.later(days=60)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.PAUSED], 1)
    assert f"auto-rotate at {PLACE} is false; the token dies at" in line.said[0]
    world.cluster.paused.clear()
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.NEARING_EXPIRY], 2)


@pytest.mark.parametrize("nonce", ["force", "emergency"])
def test_a_nonce_is_a_newer_word(line: Line, world: World, nonce: str) -> None:
    """A person who forces a rotation, or calls an emergency, is obeyed all the same."""
    line.run()
    world.cluster.paused[PLACE] = {"auto_rotate"}
    setattr(line.declared[0], nonce, "now")
    line.run()
    assert world.mints() == 2


def test_publications_keep_what_a_person_set(line: Line, world: World) -> None:
    """The pair and the receipt tell it, in one update; then nothing changes, and no publication flips it back."""
    line.run()
    assert line.outputs("pair")["auto_rotate"] is True
    world.cluster.paused[PLACE] = {"auto_rotate"}
    line.run()
    assert line.steps == ["update pair", "update retirement"]
    assert (line.outputs("pair")["auto_rotate"], line.outputs("pair")["auto_renew"]) == (False, True)
    assert world.cluster.receipt("admin").auto_rotate is False
    line.run()
    assert line.steps == []
    line.declared[0].force = "now"
    line.run()
    assert line.outputs("pair")["auto_rotate"] is False


def test_it_stays_set_while_the_cluster_is_away(line: Line, world: World) -> None:
    """What cannot be read is what it was: the pair does not change."""
    line.run()
    world.cluster.paused[PLACE] = {"auto_rotate"}
    line.run()
    world.cluster.go_away()
    line.run()
    assert "update pair" not in line.steps
    assert line.outputs("pair")["auto_rotate"] is False


def test_auto_renew_pauses_the_renewal(openbao_server: OpenBaoServer) -> None:
    """A renewal is due and not made; it says so, and the token is replaced before its end instead."""
    world = VaultWorld(openbao_server)
    line = Line(world, world.declared(renew_before="200s", rotate_every="10d"))
    line.run()
    world.cluster.paused[line.declared[0].places[0]] = {"auto_renew"}
    world.calls.clear()
    line.run(ahead=timedelta(seconds=401))
    assert (line.reasons(), world.calls["renew-accessor"]) == ([Reason.PAUSED], 0)
    line.run(ahead=timedelta(seconds=530), preview=True)  # its overlap and the outage before its end
    assert line.reasons() == [Reason.NEARING_EXPIRY]
