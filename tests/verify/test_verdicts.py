"""What is answered to a value: accepted while its record lets it in, and refused with the reason that holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.operator_tokens import changes
from rotation.operator_tokens.record import data_of
from rotation.testing.builders import DAY, SECOND, START, HandClock
from rotation.testing.secrecy import reveals, told_by
from rotation.verify import Reason, Verdict, Verifier
from tests.verify.teams import ADMISSION, CASES, GRACE, HOUR, LIFETIME, OPERATIONAL, Team

ACCEPTED = {Reason.ACCEPTED_CURRENT, Reason.ACCEPTED_PREVIOUS, Reason.ACCEPTED_PENDING}


@pytest.mark.parametrize("presented", CASES)
def test_a_verdict_has_the_reason_that_holds(presented: str) -> None:
    """Each value is accepted or refused for its own reason, and only an accepted one counts as true."""
    case = CASES[presented]()
    verdict = case.shown_to(Verifier(HandClock(case.now)))
    assert isinstance(verdict, Verdict)
    assert verdict.reason is case.reason
    assert verdict.accepted == bool(verdict) == (case.reason in ACCEPTED)


def test_every_reason_has_its_case() -> None:
    """No reason is left that a value never gets; the age of the records has tests of its own."""
    assert {make().reason for make in CASES.values()} == set(Reason) - {Reason.RECORDS_STALE}


def test_a_verdict_says_which_generation() -> None:
    """Of a value that the record knows, accepted or not, version and type are told; of others neither."""
    team, clock = Team(), HandClock()
    first, second, admission = team.mint(START), team.mint(START), team.mint(START, ADMISSION)
    team.revoke(first, START)
    verifier = Verifier(clock)
    verifier.put(team.namespace, team.record)
    told = [verifier.check(team.namespace, value) for value in (first, second, admission, "x" * 43)]
    assert [(one.version, one.token_type) for one in told] == [
        (1, "operational"),
        (2, "operational"),
        (1, "admission"),
        (None, None),
    ]


def test_an_end_is_the_first_instant_that_is_refused() -> None:
    """A second before its end a value is accepted, at its end it is not: token, grace and lease."""
    team, clock = Team(), HandClock()
    first = team.mint(START)
    second = team.mint(START + HOUR)
    team.close_grace(first, START + HOUR + GRACE)
    third = team.admit(START + HOUR)
    verifier = Verifier(clock)
    verifier.put(team.namespace, data_of(team.record))
    lease = changes.lease_end(START + HOUR, LIFETIME)
    for value, end in ((first, START + HOUR + GRACE), (second, START + HOUR + LIFETIME), (third, lease)):
        clock.now = end - SECOND
        assert verifier.check(team.namespace, value)
        clock.now = end
        assert not verifier.check(team.namespace, value)


@settings(max_examples=200, deadline=None)
@given(
    acts=st.lists(st.sampled_from(["mint", "admit", "admission", "revoke", "grace", "team", "restore"]), max_size=8),
    waits=st.lists(st.integers(0, 40), min_size=9, max_size=9),
)
def test_it_accepts_what_the_record_accepts(acts: list[str], waits: list[int]) -> None:
    """Whatever a team went through, a value is let in exactly where its record lets an operational token in."""
    team, clock, values = Team(), HandClock(), [Team().mint(START)]
    for act, days in zip(acts, waits, strict=False):
        clock.move(days * DAY)
        _happens(team, act, clock, values)
    clock.move(waits[-1] * HOUR)
    verifier = Verifier(clock)
    verifier.put(team.namespace, data_of(team.record))
    accepted = {value for value in values if verifier.check(team.namespace, value)}
    assert {team.generation(value) for value in accepted} == _let_in(team, clock)


def _happens(team: Team, act: str, clock: HandClock, values: list[str]) -> None:
    """One act of a team's life, as far as it can happen now."""
    known = values[1:]
    if act == "team":
        team.record = changes.revoke_all(team.record, clock())
    elif act == "restore":
        team.record = changes.restore(team.record)
    elif act == "revoke" and known:
        team.revoke(known[-1], clock())
    elif act == "grace" and known:
        team.close_grace(known[0], clock() + GRACE)
    elif team.record.team.revoked_at is None and act in {"mint", "admit", "admission"}:
        made = team.admit(clock()) if act == "admit" else team.mint(clock(), _TYPES[act])
        values.append(made)


_TYPES = {"mint": OPERATIONAL, "admission": ADMISSION}


def _let_in(team: Team, clock: HandClock) -> set[str]:
    if team.record.team.revoked_at is not None:
        return set()
    return {entry.generation for entry in team.record.accepted(clock()).values()}


def test_no_value_is_told() -> None:
    """Neither a verifier nor a verdict shows what was presented, nor the hash of it."""
    for make in CASES.values():
        case = make()
        verifier = Verifier(HandClock(case.now))
        told = told_by(case.shown_to(verifier)) + told_by(verifier)
        if isinstance(case.value, str) and len(case.value) > 8 and case.value.isprintable():
            assert not reveals(told, case.value)
        assert not [hashed for hashed in case.team.record.entries if hashed in told]
