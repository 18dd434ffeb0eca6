"""Many present their admission token at once: one of them mints, all learn of the same token, nothing else is left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response
from rotation.operator_tokens.bootstrap import Outcome
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, Status
from rotation.testing.builders import DAY
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import BEFORE, LIFE, OVERLAP, TEAM, RealTeams, Teams, TeamWorld
from tests.operator_tokens.trouble import WRITES, Cut, killed

WRITERS = 20


def _yield(_seconds: float) -> None:
    """Lets the other threads go on; time stands still, so that no claim is over meanwhile."""
    time.sleep(0.001)


def _at_once(teams: Teams, admission: str, namespace: str) -> list[Outcome]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(lambda _number: teams.present(admission, namespace), range(WRITERS)))


def _assert_one_token(teams: Teams, outcomes: list[Outcome], namespace: str, bootstraps: int = 1) -> None:
    assert sum(outcome.minted for outcome in outcomes) == 1
    current = [one for one in teams.accepted(namespace).values() if one.state is State.ACTIVE]
    assert len(current) == 1
    assert {outcome.state.generation for outcome in outcomes} == {current[0].generation}
    assert teams.lets_in(teams.secret(namespace)[TOKEN], namespace)
    assert teams.team(namespace).bootstraps == bootstraps


def test_twenty_at_once_end_with_one_token(world: TeamWorld) -> None:
    """One mints, nineteen are told the same generation, and no other hash was ever confirmed."""
    admission = world.enter()
    world.sleep = _yield
    _assert_one_token(world, _at_once(world, admission, TEAM), TEAM)
    assert len(world.accepted()) == 1
    assert world.unknown() == []
    assert world.told() == ["Accepted"]


def test_twenty_at_once_after_a_deletion_end_with_one_more(world: TeamWorld) -> None:
    """The same when the Secret was deleted: one successor, and the grace of the one before."""
    admission = world.bootstrapped()
    world.delete_secret()
    world.sleep = _yield
    _assert_one_token(world, _at_once(world, admission, TEAM), TEAM, bootstraps=2)
    assert len(world.accepted()) == 2
    world.clock.move(OVERLAP)
    assert world.unknown() == []


def test_presentations_and_runs_at_once(world: TeamWorld) -> None:
    """Ten of each while a rotation is due: one rotation, no bootstrap, no outage."""
    admission = world.bootstrapped()
    world.clock.move(80 * DAY)
    world.sleep = _yield
    keepers = [world.keeper() for _ in range(10)]
    dues = keepers[0].look()
    with ThreadPoolExecutor(WRITERS) as pool:
        ended = [pool.submit(keeper.keep, dues) for keeper in keepers]
        presented = [pool.submit(world.present, admission) for _ in range(10)]
        assert not [one.result() for one in presented if one.result().minted]
        assert [one.exception() for one in ended] == [None] * 10
    world.run()
    assert (world.team().rotations, world.team().bootstraps) == (1, 1)
    assert world.lets_in(world.secret()[TOKEN])
    assert world.unknown() == []


def test_others_wait_for_the_one_that_claimed(world: TeamWorld) -> None:
    """Between its claim and its confirmation another one looks again and again, makes nothing, and is told the same."""
    admission = world.enter()
    second: list[Outcome] = []
    with ThreadPoolExecutor(1) as pool:
        waiting = []
        writes = 0

        def interrupted(request: Request) -> Response:
            nonlocal writes
            answer = world.send(request)
            if request.method in WRITES:
                writes += 1
                if writes == 1:
                    before = world.server.calls.total()
                    waiting.append(pool.submit(world.present, admission))
                    while world.server.calls.total() < before + 8:  # it has looked more than once
                        time.sleep(0.001)
            return answer

        world.sleep = _yield
        first = world.present(admission, send=interrupted)
        second.append(waiting[0].result())
    assert (first.minted, second[0].minted) == (True, False)
    assert first.state.generation == second[0].state.generation


def test_a_claim_of_the_dead_is_taken_over(world: TeamWorld) -> None:
    """Nobody waits longer than its minute; what it claimed is revoked with the take-over."""
    admission = world.enter()
    with killed():
        world.present(admission, send=Cut(world.send, 1, arrives=True))
    outcome = world.present(admission)
    assert outcome.minted
    assert 55 < world.waited < 65
    states = [one.state for one in world.record().of_type("operational").values()]
    assert states == [State.REVOKED, State.ACTIVE]


@pytest.mark.parametrize("at", [1, 2], ids=["claimed", "published"])
def test_who_slept_too_long_undoes_nothing(world: TeamWorld, at: int) -> None:
    """Its claim was taken over while it stood still: it goes on, and the token of the other one stays as it is."""
    admission = world.enter()
    others: list[Outcome] = []
    writes = 0

    def sleepy(request: Request) -> Response:
        nonlocal writes
        answer = world.send(request)
        if request.method in WRITES and not others:
            writes += 1
            if writes == at:
                world.note()
                others.append(world.present(admission))
        return answer

    outcome = world.present(admission, send=sleepy)
    assert (others[0].minted, outcome.minted) == (True, False)
    assert outcome.state == others[0].state
    assert len(world.accepted()) == 1
    assert world.lets_in(world.secret()[TOKEN])


@pytest.mark.parametrize("there", [False, True], ids=["absent", "emptied"])
def test_who_slept_until_just_before_its_publication_undoes_nothing(world: TeamWorld, there: bool) -> None:
    """It had read a Secret without a token; the other's stands there by now, so its write is refused."""
    admission = world.enter()
    if there:
        world.put_secret({})
    others: list[Outcome] = []

    def sleepy(request: Request) -> Response:
        if request.method in WRITES and "/secrets" in request.path and not others:
            others.append(world.present(admission))
        return world.send(request)

    outcome = world.present(admission, send=sleepy)
    assert (others[0].minted, outcome.minted, outcome.state.status) == (True, False, Status.AUTHORIZED)
    assert world.lets_in(world.secret()[TOKEN])
    assert len(world.accepted()) == 1


def test_who_comes_too_late_claims_nothing(world: TeamWorld) -> None:
    """What it read is not what stands there any more: its hash is never entered, and no version is used up."""
    admission = world.enter()
    others: list[Outcome] = []

    def late(request: Request) -> Response:
        if request.method in WRITES and not others:
            others.append(world.present(admission))
        return world.send(request)

    assert not world.present(admission, send=late).minted
    assert len(world.record().of_type("operational")) == 1


def test_a_run_that_comes_too_late_claims_nothing(world: TeamWorld) -> None:
    """The same for a rotation."""
    world.bootstrapped()
    world.clock.move(80 * DAY)
    others: list[object] = []

    def late(request: Request) -> Response:
        if request.method in WRITES and not others:
            others.append(None)
            world.run()
        return world.send(request)

    world.run(late)
    assert (len(world.record().of_type("operational")), world.team().rotations) == (2, 1)


def test_a_bootstrap_amid_a_look_is_no_orphan(world: TeamWorld) -> None:
    """It is whole between the listing of the Secrets and that of the records: nothing is due."""
    admission = world.enter()
    listed: list[object] = []

    def amid(request: Request) -> Response:
        answer = world.send(request)
        if "labelSelector" in request.query and not listed:
            listed.append(None)
            world.present(admission)
        return answer

    assert world.keeper(amid).look() == []
    assert world.lets_in(world.secret()[TOKEN])


def test_a_clock_ahead_takes_over_early_and_still_leaves_one(world: TeamWorld) -> None:
    """Four minutes ahead, which the client tolerates: the first one's claim is revoked, whatever its clock says."""
    admission = world.enter()
    others: list[Outcome] = []
    ahead = world.by_a_clock(timedelta(minutes=4))

    def sleepy(request: Request) -> Response:
        answer = world.send(request)
        if request.method in WRITES and not others:
            others.append(world.present(admission, clock=ahead))
        return answer

    outcome = world.present(admission, send=sleepy)
    assert (others[0].minted, outcome.minted) == (True, False)
    assert len(world.accepted()) == 1
    assert world.lets_in(world.secret()[TOKEN])


def test_twenty_at_once_on_a_real_server(kubernetes_server: KubernetesServer) -> None:
    """The same with twenty connections to a real API server, by real time."""

    def connected() -> RealTeams:
        return RealTeams(
            kubernetes_transport(connection(str(kubernetes_server.kubeconfig))), lambda _s: time.sleep(0.05)
        )

    teams = connected()
    sends = [kubernetes_transport(connection(str(kubernetes_server.kubeconfig))) for _ in range(WRITERS)]
    admission = teams.enter(teams.mine)
    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(lambda send: teams.present(admission, teams.mine, send=send), sends))
    _assert_one_token(teams, outcomes, teams.mine)
    assert len(teams.accepted(teams.mine)) == 1
    teams.assert_nothing_is_revealed()


def test_a_run_that_was_overtaken_at_its_staging_revokes_nothing_that_others_published(world: TeamWorld) -> None:
    """Another run confirms and publishes its value before it reads it back: the newcomer is current, and stays."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(LIFE - BEFORE)
    overtaken: list[bool] = []

    def send(request: Request) -> Response:
        answer = world.send(request)
        if request.method == "PUT" and request.path == world.secret_path(TEAM) and not overtaken:
            overtaken.append(True)
            world.run()
        return answer

    world.run(send)
    held = world.secret()
    assert (overtaken, held[PREVIOUS], set(held)) == ([True], first, {TOKEN, PREVIOUS})
    assert world.lets_in(held[TOKEN])
    assert world.team().rotations == 1
