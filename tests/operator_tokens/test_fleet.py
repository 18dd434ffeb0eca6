"""Many teams, many writers: the benchmark's play, small, on a real API server; a thousand teams on a simulated one."""

from __future__ import annotations

import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks.operator_fleet import CONTENDED, UNTIL_ROTATION, Fleet, lines, traced_look
from rotation.operator_tokens.listing import PAGE
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import BEFORE, LIFE, OVERLAP, TeamWorld

NAMESPACES, WRITERS = 40, 20


def a_fleet(server: KubernetesServer, namespaces: int = NAMESPACES) -> Fleet:
    """Teams of its own on a server that others use, too."""
    return Fleet(server.kubeconfig, namespaces, WRITERS, mark=f"fleet-{secrets.token_hex(4)}")


def test_a_fleet_is_bootstrapped_and_rotated_and_no_hash_is_lost(kubernetes_server: KubernetesServer) -> None:
    """Twenty writers at once: each hash that was written stands there, each value is accepted as it should be."""
    fleet = a_fleet(kubernetes_server)
    played = fleet.play()
    assert played.lost == []
    assert played.contended == CONTENDED * WRITERS
    assert [phase.name for phase in played.phases] == [
        "make the namespaces",
        "write the same records",
        "admit",
        "bootstrap",
        "rotate",
        "end the graces",
    ]
    for name, record in fleet.records().items():
        if name in fleet.names:
            assert (record.team.bootstraps, record.team.rotations) == (1, 1)
    played.traced_bytes = traced_look(fleet)
    told = "\n".join(lines(fleet))
    assert f"{NAMESPACES} namespaces, {WRITERS} writer(s)" in told
    assert "lost: none" in told


def test_a_thousand_teams(world: TeamWorld) -> None:
    """Each is let in through bootstrap, rotation and the end of its grace, and the last costs what the first did."""
    names = [f"team-{number:04}" for number in range(1000)]
    for name in names:
        world.server.add_namespace(name)
    for name in names:
        assert world.present(world.enter(name), name).minted
    first = {name: world.secret(name)[TOKEN] for name in names}
    world.clock.move(LIFE - BEFORE)
    keeper, calls = world.keeper(), world.server.calls
    calls.clear()
    dues = keeper.look()
    assert ([due.namespace for due in dues], calls.total()) == (names, 2 * len(names) // PAGE)
    costs = []
    for half in (dues[:500], dues[500:]):
        calls.clear()
        assert keeper.keep(half).failures == {}
        costs.append(calls.total())
    assert costs[0] == costs[1]
    for name in names:
        held = world.secret(name)
        assert (held[PREVIOUS], len(world.accepted(name)), world.unknown(name)) == (first[name], 2, [])
    world.clock.move(OVERLAP)
    world.run()
    assert [name for name in names if set(world.secret(name)) != {TOKEN} or len(world.accepted(name)) != 1] == []


def test_runs_that_overlap_rotate_each_token_once(kubernetes_server: KubernetesServer) -> None:
    """When all writers keep the same teams at once, each team has one successor, and the one before in its grace."""
    fleet = a_fleet(kubernetes_server, 5)
    first = fleet.bootstrap_all()
    fleet.clock.move(UNTIL_ROTATION)
    dues = fleet.writers[0].keeper.look()
    ours = [due for due in dues if due.namespace in fleet.names]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda writer: writer.keeper.keep(ours), fleet.writers))
    for name in fleet.names:
        states = Counter(entry.state for entry in fleet.records()[name].accepted(fleet.clock()).values())
        assert states == {State.ACTIVE: 1, State.SUPERSEDED: 1}, name
        assert fleet.records()[name].team.rotations == 1
    fleet.find_lost(first)
    assert fleet.played.lost == []
