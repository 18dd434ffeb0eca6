"""What may become of a record: the promises that hold through any order of transitions, and each transition's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rotation.errors import NotFound, Refused
from rotation.operator_tokens import changes
from rotation.operator_tokens.changes import Keeper, Newcomer
from rotation.operator_tokens.record import Record, State, TokenType, data_of, hash_of, read_record
from rotation.testing.builders import DAY, SECOND, START, a_generation

TEAM = "team-a"
LIFE = 90 * DAY
OVERLAP = 7 * DAY
_TYPES: tuple[TokenType, ...] = ("operational", "admission")


def newcomer(now: datetime = START, kept_by: Keeper = "stack", token_type: TokenType = _TYPES[0]) -> Newcomer:
    """A fresh generation of ninety days."""
    lease_until = changes.lease_end(now, LIFE)
    return Newcomer(a_generation(now), now, LIFE, lease_until, token_type=token_type, kept_by=kept_by)


def admitted(record: Record, one: Newcomer) -> Record:
    """The record with a newcomer, under the hash of its own id."""
    return changes.admit(record, hash_of(one.generation), one)


def with_active(record: Record, now: datetime = START, kept_by: Keeper = "stack") -> tuple[Record, str]:
    """The record with one more generation, confirmed."""
    one = newcomer(now, kept_by)
    return changes.confirm(admitted(record, one), one.generation, now, LIFE), one.generation


def states(record: Record) -> dict[str, State]:
    """Where each generation stands."""
    return {entry.generation: entry.state for entry in record.entries.values()}


class RecordMachine(RuleBasedStateMachine):
    """Any order of transitions by any keeper, with time passing. `given` are the versions that were given out."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.record = Record(TEAM)
        self.ends: dict[str, datetime] = {}
        self.versions: dict[TokenType, list[int]] = {token_type: [] for token_type in _TYPES}

    @rule(length=st.integers(0, 40 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
    def pass_time(self, length: timedelta) -> None:
        self.now += length

    @rule(kept_by=st.sampled_from(["stack", "admission"]), token_type=st.sampled_from(_TYPES))
    def admit(self, kept_by: Keeper, token_type: TokenType) -> None:
        one = newcomer(self.now, kept_by, token_type)
        before = len(self.record.entries)
        self.apply(lambda record: admitted(record, one), moves={one.generation})
        if len(self.record.entries) > before:
            self.versions[token_type].append(self.record.entries[hash_of(one.generation)].version)

    @rule(which=st.integers(0, 20), life=st.integers(1, 100))
    def confirm(self, which: int, life: int) -> None:
        generation = self.pick(which)
        self.apply(lambda record: changes.confirm(record, generation, self.now, life * DAY), moves={generation})

    @rule(which=st.integers(0, 20), grace=st.one_of(st.none(), st.integers(-5, 30)))
    def supersede(self, which: int, grace: int | None) -> None:
        until = None if grace is None else self.now + grace * DAY
        self.apply(lambda record: changes.supersede(record, self.pick(which), until))

    @rule(which=st.integers(0, 20))
    def revoke(self, which: int) -> None:
        generation = self.pick(which)
        self.apply(lambda record: changes.revoke(record, generation, self.now))
        assert not [e for e in self.record.entries.values() if e.generation == generation and e.is_accepted(self.now)]

    @rule()
    def revoke_all(self) -> None:
        self.apply(lambda record: changes.revoke_all(record, self.now))

    @rule()
    def restore(self) -> None:
        self.apply(changes.restore)

    @rule()
    def prune(self) -> None:
        before = self.record
        self.apply(lambda record: changes.prune(record, self.now))
        accepted = {hashed for hashed, entry in before.entries.items() if entry.is_accepted(self.now)}
        assert accepted <= set(self.record.entries)
        assert len(self.record.entries) - len(accepted) <= changes.REMEMBERED + len(_TYPES)

    def pick(self, which: int) -> str:
        known = [entry.generation for entry in self.record.entries.values()]
        return known[which % len(known)] if known else a_generation()

    def apply(self, change: Callable[[Record], Record], moves: set[str] | None = None) -> None:
        """Make a transition, and make it again: the second time it must make nothing more."""
        try:
            changed = change(self.record)
        except (NotFound, Refused):
            return
        assert change(changed) == changed
        for entry in changed.entries.values():
            if entry.generation not in (moves or set()):
                assert entry.ends_at <= self.ends[entry.generation], "an end moved away"
            self.ends[entry.generation] = entry.ends_at
        self.record = changed

    @invariant()
    def at_most_one_of_a_type_is_active(self) -> None:
        """Two would supersede each other for ever."""
        for token_type in _TYPES:
            active = [one for one in self.record.of_type(token_type).values() if one.state is State.ACTIVE]
            assert len(active) <= 1

    @invariant()
    def operational_tokens_have_one_keeper(self) -> None:
        """What is let in is kept by the stack, or by the one that keeps what admission tokens made, never by both."""
        assert len({one.kept_by for one in self.record.accepted(self.now).values()}) <= 1

    @invariant()
    def versions_count_up(self) -> None:
        """None is given twice, also when those before it were forgotten."""
        for given in self.versions.values():
            assert given == sorted(set(given))

    @invariant()
    def a_revoked_team_has_nothing_that_is_let_in(self) -> None:
        """Until it is restored."""
        if self.record.team.revoked_at:
            assert not [one for one in self.record.entries.values() if one.is_accepted(self.now)]

    @invariant()
    def it_is_read_as_it_is_written(self) -> None:
        """What a ConfigMap keeps of it is all of it."""
        assert read_record(TEAM, data_of(self.record)) == self.record


TestRecordMachine = RecordMachine.TestCase


def test_a_newcomer_is_let_in_until_its_lease_ends() -> None:
    """Pending from the first moment, and dead after ten minutes unless it is confirmed."""
    one = newcomer()
    record = admitted(Record(TEAM), one)
    lease = timedelta(minutes=10)
    assert states(record) == {one.generation: State.PENDING}
    assert len(record.accepted(START + lease - SECOND)) == 1
    assert record.accepted(START + lease) == {}


def test_a_lease_is_a_quarter_of_a_short_life() -> None:
    """Ten minutes, or less where the token lives less than forty; in whole seconds, never rounded up."""
    assert changes.lease_end(START, LIFE) == START + timedelta(minutes=10)
    assert changes.lease_end(START, timedelta(minutes=20)) == START + timedelta(minutes=5)
    assert changes.lease_end(START, timedelta(seconds=7)) == START + timedelta(seconds=1)


def test_a_confirmation_gives_the_full_life_from_its_instant() -> None:
    """The life begins when consumers can be given the value, and the one before goes on with its grace open."""
    record, first = with_active(Record(TEAM))
    later = START + 80 * DAY
    record, second = with_active(record, later)
    assert states(record) == {first: State.SUPERSEDED, second: State.ACTIVE}
    ends = {entry.generation: entry.ends_at for entry in record.entries.values()}
    assert ends == {first: START + LIFE, second: later + LIFE}


@pytest.mark.parametrize("after", [timedelta(minutes=10), 100 * DAY])
def test_what_died_is_not_confirmed(after: timedelta) -> None:
    """NotFound, with the instant of its end."""
    one = newcomer()
    record = admitted(Record(TEAM), one)
    with pytest.raises(NotFound, match=r"is pending and ended at 2026-01-01T12:10:00Z"):
        changes.confirm(record, one.generation, START + after, LIFE)


def test_what_is_unknown_revoked_or_superseded_is_not_confirmed() -> None:
    """A confirmation brings nothing back."""
    record, first = with_active(Record(TEAM))
    record, second = with_active(record)
    record = changes.revoke(record, second, START)
    for generation in (first, second, a_generation()):
        with pytest.raises(NotFound):
            changes.confirm(record, generation, START, LIFE)


def test_the_grace_is_really_there() -> None:
    """From the publication on the superseded one is let in for the whole overlap, to the second, and no longer."""
    record, first = with_active(Record(TEAM))
    published = START + 80 * DAY
    record, _second = with_active(record, published)
    record = changes.supersede(record, first, published + OVERLAP)
    assert len(record.accepted(published + OVERLAP - SECOND)) == 2
    assert len(record.accepted(published + OVERLAP)) == 1


def test_a_grace_never_outlives_its_token() -> None:
    """A rotation that came late has what is left of the life."""
    record, first = with_active(Record(TEAM))
    record = changes.supersede(record, first, START + LIFE + OVERLAP)
    assert next(iter(record.entries.values())).grace_until == START + LIFE


def test_a_grace_is_not_begun_anew() -> None:
    """Of two ends the sooner counts: a run that repeats a publication prolongs nothing."""
    record, first = with_active(Record(TEAM))
    record = changes.supersede(record, first, START + OVERLAP)
    assert changes.supersede(record, first, START + 2 * OVERLAP) == record
    assert changes.supersede(record, first) == record


def test_a_team_is_revoked_with_all_that_it_has() -> None:
    """Operational and admission tokens, pending ones too; then nothing is minted for it, until it is restored."""
    record = admitted(Record(TEAM), newcomer(token_type="admission"))
    record, _active = with_active(record)
    record = admitted(record, newcomer())
    record = changes.revoke_all(record, START)
    assert set(states(record).values()) == {State.REVOKED}
    assert record.team.revoked_at == START
    assert changes.revoke_all(record, START + DAY) == record, "the first instant stands"
    for token_type in _TYPES:
        with pytest.raises(Refused, match="the team of team-a was revoked at 2026-01-01T12:00:00Z"):
            admitted(record, newcomer(token_type=token_type))
    assert admitted(changes.restore(record), newcomer()).accepted(START)


def test_one_in_both_is_refused() -> None:
    """An operational token is kept by the stack or from an admission; each refusal says what to do."""
    by_admission, made = with_active(Record(TEAM), kept_by="admission")
    with pytest.raises(Refused, match=r"an admission token made .*team-a.* out of the stack's config"):
        admitted(by_admission, newcomer())
    by_stack, _declared = with_active(Record(TEAM))
    with pytest.raises(Refused, match=r"the stack's config declares .*team-a.*Use the token that the stack publishes"):
        admitted(by_stack, newcomer(kept_by="admission"))
    assert admitted(changes.revoke(by_admission, made, START), newcomer()).accepted(START)
    assert admitted(by_admission, newcomer(token_type="admission")), "the stack keeps the admission token beside it"


def test_the_dead_are_remembered_for_a_while() -> None:
    """The newest four, for thirty days; what is let in is never forgotten."""
    record, generations = Record(TEAM), []
    for number in range(7):
        record, one = with_active(record, START + number * DAY)
        generations.append(one)
    for number, generation in enumerate(generations[:-1]):
        record = changes.revoke(record, generation, START + (10 + number) * DAY)
    now = START + 20 * DAY
    kept = states(changes.prune(record, now))
    assert list(kept) == generations[2:]
    assert list(states(changes.prune(record, START + (12 + 30) * DAY))) == generations[3:]
    assert list(states(changes.prune(record, START + 60 * DAY))) == generations[-1:]


def test_versions_go_on_when_all_were_forgotten() -> None:
    """The newest of a type stays, however long it is dead."""
    record = Record(TEAM)
    for _ in range(3):
        record, last = with_active(record)
    record = changes.prune(changes.revoke_all(record, START), START + 1000 * DAY)
    assert list(states(record)) == [last]
    assert record.next_version() == 4
