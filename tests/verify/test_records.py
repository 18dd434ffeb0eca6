"""Which records a check goes by: the newest that could be read, at once, and none that are too old."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rotation.operator_tokens.record import data_of
from rotation.testing.builders import SECOND, START, HandClock
from rotation.verify import Reason, Told, Verifier
from tests.verify.teams import Team

OLDEST = timedelta(minutes=1)


class Counts:
    """Counts, in plain dictionaries."""

    def __init__(self) -> None:
        self.refusals: Counter[tuple[str, Reason]] = Counter()
        self.misread: Counter[str] = Counter()

    def refused(self, namespace: str, reason: Reason) -> None:
        self.refusals[namespace, reason] += 1

    def unreadable(self, namespace: str) -> None:
        self.misread[namespace] += 1


def test_a_revocation_holds_from_the_next_check_on() -> None:
    """What is put is gone by at once, of a token and of a namespace that was removed."""
    team, verifier = Team(), Verifier(HandClock())
    value = team.mint(START)
    verifier.put(team.namespace, data_of(team.record))
    assert verifier.check(team.namespace, value)
    team.revoke(value, START)
    verifier.put(team.namespace, data_of(team.record))
    assert verifier.check(team.namespace, value).reason is Reason.REVOKED
    verifier.remove(team.namespace)
    assert verifier.check(team.namespace, value).reason is Reason.UNKNOWN


def test_a_listing_replaces_everything() -> None:
    """Who is not in a listing has no record any more; a ConfigMap's data and a record tell the same."""
    one, other = Team("team-a"), Team("team-b")
    first, second = one.mint(START), other.mint(START)
    verifier = Verifier(HandClock())
    verifier.replace_all({"team-a": data_of(one.record)})
    assert verifier.check("team-a", first)
    verifier.replace_all({"team-b": other.record})
    assert not verifier.check("team-a", first)
    assert verifier.check("team-b", second)


@pytest.mark.parametrize("broken", ["{", '{"state": "new", "status": "New"}', "[]", "null"])
def test_what_cannot_be_read_leaves_the_record_before(broken: str) -> None:
    """A broken entry, put or listed, is counted, turns no team away, and lets in nothing of what stands beside it."""
    team, counts = Team(), Counts()
    value = team.mint(START)
    verifier = Verifier(HandClock(), counts)
    verifier.put(team.namespace, data_of(team.record))
    later = team.mint(START)
    told: list[Told] = [{**data_of(team.record), "0" * 64: broken}, {**data_of(team.record), "team": broken}, None]
    for one in told:
        verifier.put(team.namespace, one)
        verifier.replace_all({team.namespace: one})
    assert verifier.check(team.namespace, value).reason is Reason.ACCEPTED_CURRENT
    assert verifier.check(team.namespace, later).reason is Reason.UNKNOWN
    assert counts.misread == {team.namespace: 6}
    assert counts.refusals == {(team.namespace, Reason.UNKNOWN): 1}


def test_a_record_that_could_never_be_read_authorises_nobody() -> None:
    """Its namespace is known all the same, so that its refusals are counted under its name."""
    counts = Counts()
    verifier = Verifier(HandClock(), counts)
    verifier.replace_all({"team-a": None})
    verifier.check("team-a", "x" * 43)
    assert counts.refusals == {("team-a", Reason.UNKNOWN): 1}


def test_refusals_are_counted_by_reason_under_known_names_only() -> None:
    """Whoever makes up namespaces makes no series: they are all `unknown`; what is accepted is counted nowhere."""
    team, counts = Team(), Counts()
    value = team.mint(START)
    verifier = Verifier(HandClock(), counts)
    verifier.put(team.namespace, team.record)
    for invented in range(100):
        verifier.check(f"invented-{invented}", value)
    verifier.check(team.namespace, value)
    verifier.check(team.namespace, "")
    assert counts.refusals == {("unknown", Reason.UNKNOWN): 100, (team.namespace, Reason.MALFORMED): 1}


def test_records_that_are_too_old_authorise_nobody() -> None:
    """Before the first listing, and when none came for longer than allowed, everything is refused and says why."""
    team, clock = Team(), HandClock()
    value = team.mint(START)
    verifier = Verifier(clock, oldest=OLDEST)
    verifier.put(team.namespace, team.record)
    assert verifier.check(team.namespace, value).reason is Reason.RECORDS_STALE
    assert verifier.is_stale
    verifier.replace_all({team.namespace: team.record})
    clock.move(OLDEST)
    assert verifier.check(team.namespace, value)
    clock.move(SECOND)
    assert verifier.check(team.namespace, value).reason is Reason.RECORDS_STALE
    assert verifier.is_stale


def test_a_listing_is_as_old_as_its_beginning() -> None:
    """One that took long is older than the instant at which it was put."""
    team, clock = Team(), HandClock()
    value = team.mint(START)
    verifier = Verifier(clock, oldest=OLDEST)
    clock.move(OLDEST)
    verifier.replace_all({team.namespace: team.record}, START)
    assert verifier.check(team.namespace, value)
    clock.move(SECOND)
    assert not verifier.check(team.namespace, value)


def test_a_watch_that_lives_keeps_the_records_new() -> None:
    """`still_newest` is as good as a listing that found nothing changed."""
    team, clock = Team(), HandClock()
    value = team.mint(START)
    verifier = Verifier(clock, oldest=OLDEST)
    verifier.replace_all({team.namespace: team.record})
    clock.move(2 * OLDEST)
    verifier.still_newest()
    assert verifier.check(team.namespace, value)


def test_a_clock_that_was_set_back_does_not_make_records_young() -> None:
    """Records that seem to come from the future by more than their longest age are too old as well."""
    team, clock = Team(), HandClock()
    value = team.mint(START - 2 * OLDEST)
    verifier = Verifier(clock, oldest=OLDEST)
    verifier.replace_all({team.namespace: team.record})
    clock.move(-OLDEST - SECOND)
    assert verifier.check(team.namespace, value).reason is Reason.RECORDS_STALE


@pytest.fixture
def threads_that_take_turns_often() -> Iterator[None]:
    """Threads that interrupt each other as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_that_take_turns_often")
def test_threads_that_put_and_check_lose_nothing() -> None:
    """Twenty threads put teams of their own while they check: each finds what it put, and all are there in the end."""
    verifier = Verifier(HandClock())
    teams = [[Team(f"team-{thread}-{number}") for number in range(20)] for thread in range(20)]
    values = {team.namespace: [team.mint(START) for _ in range(5)][-1] for own in teams for team in own}

    def works(own: list[Team]) -> bool:
        seen = []
        for team in own:
            verifier.put(team.namespace, data_of(team.record))
            seen.append(verifier.check(team.namespace, values[team.namespace]).accepted)
        return all(seen)

    with ThreadPoolExecutor(len(teams)) as pool:
        assert all(pool.map(works, teams))
    assert all(verifier.check(namespace, value) for namespace, value in values.items())
