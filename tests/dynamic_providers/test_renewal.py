"""Renewal: the same generation, a later end, once for each due date. Against a real OpenBao."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dynamic_providers.verbs import VerbError
from rotation.clock import from_rfc3339
from rotation.reasons import Reason
from sandbox.servers.openbao import OpenBaoServer
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.vault_world import VaultWorld

RENEWED = {"renew_before": "200s", "rotate_every": "10d"}
DUE = timedelta(seconds=401)


@pytest.fixture
def world(openbao_server: OpenBaoServer) -> VaultWorld:
    return VaultWorld(openbao_server)


@pytest.fixture
def line(world: VaultWorld) -> Line:
    """A token of 600 s that is renewed 200 s before its end, published."""
    line = Line(world, world.declared(**RENEWED))
    line.run()
    world.calls.clear()
    return line


def _longer(line: Line, world: VaultWorld) -> None:
    """Ask for 1200 s from now on: what time would do, without waiting for it."""
    line.declared[0].policy = world.declared(**RENEWED, lifetime="1200s").policy


def test_a_renewal_moves_the_end_of_the_same_generation(line: Line, world: VaultWorld) -> None:
    """No mint; pair, Secret and receipt keep the generation, and the end is later by 600 s."""
    generation, end = line.generation, from_rfc3339(line.outputs("pair")["expires"])
    _longer(line, world)
    line.run(ahead=DUE)
    assert (line.reasons(), line.generation, world.calls["create"]) == ([Reason.RENEWAL_DUE], generation, 0)
    moved = from_rfc3339(line.outputs("pair")["expires"])
    assert moved - end >= timedelta(seconds=599)
    assert (world.cluster.receipt("admin").expires, line.outputs("pair")["previous"]) == (moved, "")
    assert world.seconds_left(line.outputs("token")["handle"]) > 1100


def test_it_is_renewed_once_for_each_due_date(line: Line, world: VaultWorld) -> None:
    """The run after a renewal has nothing to do; at the next due date it is renewed again."""
    _longer(line, world)
    line.run(ahead=DUE)
    line.run(ahead=DUE)
    assert (line.steps, line.said, world.calls["renew-accessor"]) == ([], [], 1)
    line.run(ahead=timedelta(seconds=1001))
    assert world.calls["renew-accessor"] == 2


def test_before_its_due_date_nothing_is_renewed(line: Line, world: VaultWorld) -> None:
    """With 210 s left of 200 nothing is done and nothing said."""
    line.run(ahead=timedelta(seconds=390))
    assert (line.steps, line.said, world.calls["renew-accessor"]) == ([], [], 0)


def test_a_renewal_that_gained_nothing_is_said_and_not_repeated(world: VaultWorld) -> None:
    """A server that does not move the end is asked once, and the reason says what came of it."""
    role = {"allowed_policies": [f"{world.role}-admin"], "orphan": True, "renewable": True}
    world.server.as_root("POST", f"auth/token/roles/{world.role}", {**role, "token_explicit_max_ttl": "600s"})
    line = Line(world, world.declared(**RENEWED))
    line.run()
    world.calls.clear()
    line.run(ahead=DUE)
    assert line.reasons() == [Reason.RENEWAL_DUE, Reason.RENEWAL_GAINS_NOTHING]
    for _ in range(2):
        line.run(ahead=DUE)
        assert (line.steps, line.said, world.calls["renew-accessor"]) == ([], [], 1)


def test_at_the_cap_no_renewal_is_tried(world: VaultWorld) -> None:
    """A token that was given 768 h has its whole life: RenewalGainsNothing, and no call."""
    policy = {"lifetime": "768h", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"}
    line = Line(world, world.declared(**policy, tolerated_outage="3d"))
    line.run()
    world.calls.clear()
    line.run(ahead=timedelta(days=25) - timedelta(minutes=1))
    assert (line.reasons(), line.steps) == ([], [])
    line.declared[0].policy = world.declared(**{**policy, "rotate_every": "28d"}, tolerated_outage="3d").policy
    line.run(ahead=timedelta(days=26))
    assert (set(line.reasons()), world.calls["renew-accessor"]) == ({Reason.RENEWAL_GAINS_NOTHING}, 0)


def test_a_renewal_that_fails_is_tried_again(line: Line, world: VaultWorld) -> None:
    """No answer is an error that names it; the next run renews."""
    _longer(line, world)
    world.faults.refuse(503, path="/v1/auth/token/renew-accessor", times=4)
    with pytest.raises(VerbError, match=r"Unavailable: renew admin at vault: HTTP 503"):
        line.run(ahead=DUE)
    line.run(ahead=DUE)
    assert world.seconds_left(line.outputs("token")["handle"]) > 1100


def test_a_renewed_token_still_rotates(line: Line, world: VaultWorld) -> None:
    """Renewal does not put off the age at which it is replaced."""
    _longer(line, world)
    line.run(ahead=DUE)
    line.declared[0].policy = world.declared(**{**RENEWED, "rotate_every": "500s"}).policy
    line.run(preview=True, ahead=timedelta(seconds=501))
    assert (line.steps[0], line.reasons()) == ("replace token", [Reason.MAXIMUM_AGE])
