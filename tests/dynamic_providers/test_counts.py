"""The counts in a receipt: how often a token was rotated and renewed, and how often a revocation failed."""

from __future__ import annotations

from datetime import timedelta

from sandbox.servers.openbao import OpenBaoServer
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.vault_world import VaultWorld
from tests.dynamic_providers.world import World

ADDED = {"dependencies", "auto_renew", "auto_rotate", "failing", "rotations", "renewals", "revocation_failures"}
"""What states of releases before these counts do not tell."""


def test_rotations_are_counted(line: Line, world: World) -> None:
    """The first mint is none; each new generation is one; a rollback, which mints nothing, is none."""
    line.run()
    assert world.cluster.receipt("admin").rotations == 0
    for number in (1, 2):
        line.declared[0].force = str(number)
        line.run()
        assert world.cluster.receipt("admin").rotations == number
    line.declared[0].rollback = "back"
    line.run()
    assert world.cluster.receipt("admin").rotations == 2


def test_a_lost_receipt_loses_no_count(line: Line, world: World) -> None:
    """The counts are in the state: a receipt that is written anew has them."""
    line.run()
    line.declared[0].force = "now"
    line.run()
    world.cluster.entries.clear()
    line.declared[0].force = "again"
    line.run()
    assert world.cluster.receipt("admin").rotations == 2


def test_failed_revocations_are_counted(line: Line, world: World) -> None:
    """Each attempt that fails counts, and the number stays when one succeeds at last."""
    line.run()
    line.declared[0].force = "now"
    line.run()
    world.later(days=31)
    for _ in range(2):
        world.faults.refuse(500, method="DELETE", times=4)  # as often as the adapter tries in one run
        line.run()
    assert world.cluster.receipt("admin").revocation_failures == 2
    line.run()
    receipt = world.cluster.receipt("admin")
    assert (receipt.revocation_failures, receipt.superseded) == (2, ())


def test_renewals_are_counted(openbao_server: OpenBaoServer) -> None:
    """The same generation with a later end is one; the receipt names the kind of its backend."""
    world = VaultWorld(openbao_server)
    renewed = {"renew_before": "200s", "rotate_every": "10d"}
    line = Line(world, world.declared(**renewed))
    line.run()
    assert world.cluster.receipt("admin").renewals == 0
    line.declared[0].policy = world.declared(**renewed, lifetime="1200s").policy
    line.run(ahead=timedelta(seconds=401))
    receipt = world.cluster.receipt("admin")
    assert (receipt.renewals, receipt.rotations, receipt.kind) == (1, 0, "vault")


def test_a_state_of_an_older_release_is_not_touched_for_them(line: Line, world: World) -> None:
    """It has no counts: a run with nothing due changes neither pair nor retirement; it counts from 0 on."""
    line.run()
    for stored in (line.state[f"{kind} admin"] for kind in ("token", "pair", "retirement")):
        for bag in (stored["inputs"], stored["outputs"]):
            for name in ADDED & bag.keys():
                del bag[name]
    line.run()
    assert line.steps == []
    line.declared[0].force = "now"
    line.run()
    assert world.cluster.receipt("admin").rotations == 1
