"""A rotation in time, whole or cut off anywhere: what consumers hold is let in after each write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.clock import from_rfc3339
from rotation.operator_tokens.plan import Step
from rotation.operator_tokens.published import NEXT, PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, Status
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import BEFORE, LIFE, OVERLAP, POLICY, TEAM, RealTeams, TeamWorld
from tests.operator_tokens.trouble import Cut, Watched, killed

DUE = LIFE - BEFORE


def test_a_token_rotates_ten_days_before_its_end(world: TeamWorld) -> None:
    """A second before nothing is due; then the next value is published beside the one before, and both are let in."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(DUE - SECOND)
    assert world.due() == {}
    assert world.run().done == {}
    world.clock.move(SECOND)
    due = world.due()[TEAM]
    assert (due.decision.action, due.decision.reason, due.step) == (Action.ROTATE, Reason.NEARING_EXPIRY, Step.ROTATE)
    world.run()
    secret = world.secret()
    assert secret.keys() == {TOKEN, PREVIOUS}
    assert secret[PREVIOUS] == first != secret[TOKEN]
    assert world.lets_in(first)
    assert world.lets_in(secret[TOKEN])
    assert (world.team().status, world.team().reason, world.team().rotations) == (Status.GRACE, "Rotated", 1)
    assert world.told() == ["Accepted", "Rotated"]
    assert world.due() == {}


def test_the_secret_tells_of_both(world: TeamWorld) -> None:
    """Generation, its instants, the one before, and until when that is let in: as the record says."""
    world.bootstrapped()
    world.clock.move(DUE)
    world.run()
    before, after = sorted(world.accepted().values(), key=lambda one: one.version)
    told = world.annotations()
    assert (told["generation"], told["previous-generation"]) == (after.generation, before.generation)
    assert from_rfc3339(told["expires"]) == after.valid_until == world.clock() + LIFE
    assert from_rfc3339(told["previous-valid-until"]) == before.ends_at == world.clock() + OVERLAP
    assert after.made_by == before.made_by


def test_consumers_are_let_in_after_each_write(world: TeamWorld) -> None:
    """Five writes in the order that the plan promises, then the Event; `token` is accepted after every one."""
    world.bootstrapped()
    world.clock.move(DUE)
    watched = Watched(world)
    world.run(watched)
    assert watched.writes == [
        "PUT configmaps",  # claim
        "PUT secrets",  # stage
        "PUT configmaps",  # confirm
        "PUT secrets",  # publish
        "PUT configmaps",  # settle
        "POST events",
    ]
    assert watched.outages == []


CUTS = {1: "claimed", 2: "staged", 3: "confirmed", 4: "published", 5: "settled"}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=1), 3 * DAY], ids=["at once", "an hour", "3 days"])
@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
@pytest.mark.parametrize("at", CUTS, ids=CUTS.values())
def test_a_rotation_that_was_killed_is_ended_by_the_next_run(
    world: TeamWorld, at: int, arrives: bool, late: timedelta
) -> None:
    """Around each write, and though the next run comes days later: no outage between, one current token after it."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, at, arrives))
    world.note()
    assert world.lets_in(world.secret()[TOKEN])
    world.clock.move(late)
    assert world.lets_in(world.secret()[TOKEN]), "what consumers read outlives the outage"
    world.run()
    if world.secret()[TOKEN] == first:  # a claim of the killed one lives for a minute
        world.clock.move(timedelta(minutes=1))
        world.run()
    secret = world.secret()
    assert secret.keys() == {TOKEN, PREVIOUS}
    assert secret[PREVIOUS] == first
    assert world.unknown() == []
    assert {one.state for one in world.accepted().values()} == {State.ACTIVE, State.SUPERSEDED}
    assert len(world.accepted()) == 2
    assert (world.team().status, world.team().rotations) == (Status.GRACE, 1)
    assert world.due() == {}


@pytest.mark.parametrize("at", [1, 2])
def test_a_killed_rotation_leaves_no_unknown_token(world: TeamWorld, at: int) -> None:
    """A minute after the kill nothing is let in that stands in no Secret, whether or not a run comes by."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, at, arrives=at == 1))
    assert len(world.unknown()) == 1
    world.clock.move(timedelta(minutes=1))
    assert world.unknown() == []


def test_a_claim_of_another_is_waited_for(world: TeamWorld) -> None:
    """Within its minute a second run begins nothing."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 1, arrives=True))
    record = world.record()
    assert world.run().done == {}
    assert world.record() == record


def test_a_half_done_rotation_past_its_lease_is_repaired(world: TeamWorld) -> None:
    """What was staged and never confirmed is taken out and revoked, and a rotation with another value is whole."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 2, arrives=True))
    staged = world.secret()[NEXT]
    world.values.add(staged)
    world.clock.move(timedelta(hours=1))
    steps = [(one.action, one.reason) for one in world.run().done[TEAM]]
    assert steps[:2] == [(Action.REPAIR, Reason.PUBLICATION_MISSING), (Action.RETIRE, Reason.GRACE_OVER)]
    assert staged not in world.secret().values()
    assert not world.lets_in(staged)
    assert world.team().rotations == 1


def test_two_runs_at_once_rotate_once(world: TeamWorld) -> None:
    """Five keepers that all saw it due: one rotation, nothing unknown."""
    world.bootstrapped()
    world.clock.move(DUE)
    keepers = [world.keeper() for _ in range(5)]
    dues = keepers[0].look()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda keeper: keeper.keep(dues), keepers))
    world.note()
    world.run()
    assert world.team().rotations == 1
    assert world.unknown() == []
    assert world.secret().keys() == {TOKEN, PREVIOUS}
    assert len(world.accepted()) == 2


def test_what_was_done_since_the_look_is_not_done_again(world: TeamWorld) -> None:
    """A preview may be an hour old: the run looks again."""
    world.bootstrapped()
    world.clock.move(DUE)
    keeper = world.keeper()
    dues = keeper.look()
    world.run()
    secret = world.secret()
    kept = keeper.keep(dues)
    assert (kept.done, kept.failures, world.secret()) == ({}, {}, secret)


def test_ten_years_leave_a_small_record(world: TeamWorld) -> None:
    """Dead entries are forgotten but for the newest few; versions go on counting."""
    world.bootstrapped()
    for _ in range(40):
        world.clock.move(DUE)
        world.run()
        world.clock.move(OVERLAP)
        world.run()
    record = world.record()
    assert len(record.of_type("operational")) <= 6
    assert record.team.rotations == 40
    assert world.lets_in(world.secret()[TOKEN])


def test_on_a_real_server(kubernetes_server: KubernetesServer) -> None:
    """All five writes and the Event, as a real API server takes them."""
    teams = RealTeams(kubernetes_transport(connection(str(kubernetes_server.kubeconfig))), lambda _seconds: None)
    admission = teams.enter(teams.mine)
    teams.present(admission, teams.mine)
    first = teams.secret(teams.mine)[TOKEN]
    early, moved = POLICY.model_copy(update={"rotate_before": LIFE - SECOND}), teams.clock() + 2 * SECOND
    teams.run(clock=lambda: moved, policy=early)  # due a second after its issue
    assert teams.secret(teams.mine)[PREVIOUS] == first
    assert teams.lets_in(first, teams.mine)
    assert teams.unknown(teams.mine) == []
    assert teams.told(teams.mine) == ["Accepted", "Rotated"]
    teams.assert_nothing_is_revealed()
