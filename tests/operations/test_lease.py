"""One Lease for all jobs: taken by one run, watched before it is taken over, kept while a run goes on, given back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from operations.lease import DURATION, Lease
from rotation.clock import system_clock
from rotation.errors import ClusterAway, InvalidSettings
from tests.operations.lease_world import START, LeaseWorld

SECONDS = DURATION.total_seconds()


@pytest.fixture
def world() -> LeaseWorld:
    """A Lease that nobody holds."""
    return LeaseWorld()


def test_a_free_lease_is_taken_at_once(world: LeaseWorld) -> None:
    """Nothing is waited for, and the Lease tells who holds it, since when and for how long."""
    assert world.of("a/1/x").acquire() == ""
    assert world.seconds == 0
    assert world.stored is not None
    assert world.stored["spec"] == {
        "holderIdentity": "a/1/x",
        "leaseDurationSeconds": 60,
        "acquireTime": "2026-01-31T02:00:00.000000Z",
        "renewTime": "2026-01-31T02:00:00.000000Z",
        "leaseTransitions": 1,
    }


def test_a_lease_that_does_not_exist_is_refused_by_name(world: LeaseWorld) -> None:
    """The stack makes it, so a missing one is a slip in the setup and nothing to wait for."""
    world.stored = None
    with pytest.raises(InvalidSettings, match="there is no Lease ops/lease"):
        world.of("a/1/x").acquire()


def test_a_lease_that_is_renewed_is_respected(world: LeaseWorld) -> None:
    """The first sign of life of its holder ends the wait, long before a whole duration."""
    first = world.of("a/1/x")
    first.acquire()
    world.at(10, lambda: first._renew(5))
    assert world.of("b/2/y").acquire() == "a/1/x"
    assert 10 <= world.seconds < SECONDS / 2


@pytest.mark.parametrize("wrong_by", [timedelta(), timedelta(days=-2), timedelta(days=2)], ids=str)
def test_a_lease_that_stands_still_is_taken_over_whatever_the_clocks_say(
    world: LeaseWorld, wrong_by: timedelta
) -> None:
    """Only time that we watched counts: a holder whose clock is days off is given its whole duration, and no more."""
    world.of("a/1/x", clock_is_wrong_by=wrong_by).acquire()
    assert world.of("b/2/y").acquire() == ""
    assert SECONDS <= world.seconds < SECONDS * 1.1
    assert world.stored is not None
    assert world.stored["spec"]["holderIdentity"] == "b/2/y"
    assert world.stored["spec"]["leaseTransitions"] == 2


def test_a_write_that_renews_nothing_is_no_sign_of_life(world: LeaseWorld) -> None:
    """Whoever labels the Lease of a dead run does not keep it alive, and does not stop the take-over."""
    world.of("a/1/x").acquire()
    world.at(30, world.touch)
    world.at(59, world.touch)
    assert world.of("b/2/y").acquire() == ""
    assert world.seconds < SECONDS * 1.1


def test_of_two_that_wait_for_a_dead_run_one_gets_it(world: LeaseWorld) -> None:
    """The one that comes late by a moment sees a new holder and gives way."""
    world.of("a/1/x").acquire()
    second = world.of("b/2/y")
    world.at(SECONDS - 1, lambda: _takes(world, "c/3/z"))
    assert second.acquire() == "c/3/z"


def _takes(world: LeaseWorld, holder: str) -> None:
    lease = world.of(holder)
    found = world.lease("ops", "lease")
    assert found is not None
    assert lease._take(found)


def test_a_released_lease_is_free(world: LeaseWorld) -> None:
    """The next run need not wait, and learns that the one before it is over."""
    first = world.of("a/1/x")
    first.acquire()
    with first.kept(lambda: None):
        world.sleep(300)
    second = world.of("b/2/y")
    assert second.acquire() == ""
    assert world.seconds == 300
    assert second.was_held_by("a", START + timedelta(seconds=200))
    assert not second.was_held_by("a", START + timedelta(seconds=400)), "what ran there without the Lease may live"
    assert not second.was_held_by("laptop", START + timedelta(seconds=200))


def test_what_a_dead_run_held_is_known_to_the_next(world: LeaseWorld) -> None:
    """The run that never released it is remembered too, and so are those before it."""
    first = world.of("a/1/x")
    first.acquire()
    with first.kept(lambda: None):
        world.sleep(10)
    world.of("b/2/y").acquire()
    third = world.of("c/3/z")
    third.acquire()
    assert third.was_held_by("b", START + timedelta(seconds=20))
    assert third.was_held_by("a", START + timedelta(seconds=5))
    assert not third.was_held_by("b", START - timedelta(seconds=1))


def test_a_lock_tells_of_whole_seconds(world: LeaseWorld) -> None:
    """Taken in the second in which the Lease was, it is that run's, though its instant reads as a moment earlier."""
    world.sleep(0.7)
    first = world.of("a/1/x")
    first.acquire()
    with first.kept(lambda: None):
        world.sleep(10)
    second = world.of("b/2/y")
    second.acquire()
    assert second.was_held_by("a", START)
    assert not second.was_held_by("a", START - timedelta(seconds=1))


def test_an_unreadable_note_breaks_no_lock(world: LeaseWorld) -> None:
    """Where it is not known who held the Lease, nothing is known to be over."""
    assert world.stored is not None
    world.stored["metadata"]["annotations"] = {"token-rotation/held": '[["a", "yesterday", 3]]'}
    lease = world.of("b/2/y")
    assert lease.acquire() == ""
    assert lease.past == []


def _short(world: LeaseWorld) -> Lease:
    """A Lease of a tenth of a second, on the real clock: its thread keeps it by that."""
    return Lease(world, "ops", "lease", "a/1/x", system_clock, timedelta(seconds=0.3))


def test_a_lease_that_cannot_be_renewed_is_lost_at_half_of_its_duration(world: LeaseWorld) -> None:
    """The run is ended before anybody else may take it, and it is not released: it may be another's by then."""
    lease, ended = _short(world), threading.Event()
    lease.acquire()
    world.away = True
    with lease.kept(ended.set):
        assert ended.wait(5)
    assert lease.lost.is_set()
    world.away = False
    assert world.stored is not None
    assert world.stored["spec"]["holderIdentity"] == "a/1/x"


def test_an_outage_shorter_than_that_loses_nothing(world: LeaseWorld) -> None:
    """One renewal that fails is made up for by the next."""
    lease, ended = _short(world), threading.Event()
    lease.acquire()
    assert world.stored is not None
    first = world.stored["spec"]["renewTime"]
    world.away = True
    with lease.kept(ended.set):
        threading.Event().wait(0.06)
        world.away = False
        assert not ended.wait(0.4)
    assert not lease.lost.is_set()
    assert world.stored["spec"]["holderIdentity"] == ""
    assert world.stored["spec"]["renewTime"] > first


def test_a_lease_that_somebody_else_holds_is_lost_at_once(world: LeaseWorld) -> None:
    """A person who took it by force is obeyed."""
    lease, ended = _short(world), threading.Event()
    lease.acquire()
    assert world.stored is not None
    world.stored["spec"]["holderIdentity"] = "c/3/z"
    world.touch()
    with lease.kept(ended.set):
        assert ended.wait(5)
    assert world.stored["spec"]["holderIdentity"] == "c/3/z"


def test_a_write_by_somebody_else_is_built_upon(world: LeaseWorld) -> None:
    """The stack may label the Lease while a run holds it: the next renewals go on, and keep the label."""
    lease, ended = _short(world), threading.Event()
    lease.acquire()
    assert world.stored is not None
    world.stored["metadata"]["labels"] = {"app": "x"}
    world.touch()
    with lease.kept(ended.set):
        assert not ended.wait(0.5)
    assert world.stored["metadata"]["labels"] == {"app": "x"}
    assert world.stored["spec"]["holderIdentity"] == ""


def test_a_cluster_that_is_away_is_not_a_free_lease(world: LeaseWorld) -> None:
    """No answer is no right to run."""
    world.away = True
    with pytest.raises(ClusterAway):
        world.of("a/1/x").acquire()


@pytest.mark.parametrize(
    "error", [ClusterAway("write", "no answer"), ValueError("half an answer"), RuntimeError("a bug")]
)
def test_whatever_goes_wrong_with_a_renewal_it_is_only_not_renewed(world: LeaseWorld, error: Exception) -> None:
    """The thread that keeps the Lease must not die of it: nobody would hear that the Lease was lost."""
    lease = world.of("a/1/x")
    lease.acquire()
    answers = world.replace_lease

    def failing(_lease: object, _seconds: float = 30) -> None:
        raise error

    world.replace_lease = failing  # type: ignore[assignment,method-assign]
    assert not lease._renew(5)
    assert not lease.lost.is_set()
    world.replace_lease = answers  # type: ignore[method-assign]
    assert lease._renew(5)
