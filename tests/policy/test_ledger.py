"""The ledger: no generation falls out of it alive, and no deadline moves later."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.ledger import Entry, Ledger, Superseded
from rotation.testing.builders import DAY, SECOND, START
from rotation.testing.strategies import instants, ledgers, lengths, superseded

Acts = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), superseded(), instants(), lengths()),
        st.tuples(st.just("expedite"), instants()),
        st.tuples(st.just("forget"), st.lists(st.sampled_from("abcdefghij"))),
        st.tuples(st.just("fail"), st.sampled_from("abcdefghij")),
        st.tuples(st.just("kill"), st.sampled_from("abcdefghij"), instants()),
        st.just(("store",)),
    ),
    max_size=12,
)


def play(ledger: Ledger, act: tuple[Any, ...]) -> Ledger:
    """One act of a run on a ledger."""
    name, *arguments = act
    if name == "store":
        return Ledger.from_state(json.loads(json.dumps(ledger.to_state())))
    if name in ("admit", "expedite", "forget"):
        done: Ledger = getattr(ledger, name)(*arguments)
        return done
    for entry in ledger.entries:
        if entry.generation == arguments[0]:
            failed = replace(entry, error="refused", attempts=entry.attempts + 1)
            return ledger.settle(failed if name == "fail" else replace(entry, retired=arguments[1], error=""))
    return ledger


@given(ledgers(), Acts)
def test_nothing_falls_out_of_the_ledger_alive(ledger: Ledger, acts: list[tuple[Any, ...]]) -> None:
    """An entry that is not known dead stays, once, with its handle, and its deadline only ever comes nearer."""
    for act in acts:
        before, ledger = ledger, play(ledger, act)
        names = [entry.generation for entry in ledger.entries]
        assert len(names) == len(set(names))
        after = {entry.generation: entry for entry in ledger.entries}
        for entry in before.waiting():
            assert after[entry.generation].handle == entry.handle
            assert after[entry.generation].deadline <= entry.deadline


@given(ledgers(), instants())
def test_due_is_what_is_past_its_deadline_and_not_known_dead(ledger: Ledger, now: datetime) -> None:
    """Nothing is due before its deadline, everything alive is from that instant on, and the dead never are."""
    for entry in ledger.entries:
        assert (entry in ledger.due(now)) is (entry.retired is None and now >= entry.deadline)
        assert (entry in ledger.due(entry.deadline)) is (entry.retired is None)
        assert entry not in ledger.due(entry.deadline - SECOND)
    assert set(ledger.due(now)) <= set(ledger.waiting())


@given(ledgers(), superseded(), instants(), lengths())
def test_admission_gives_the_whole_overlap_to_what_is_new(
    ledger: Ledger, items: list[Superseded], published_at: datetime, overlap: timedelta
) -> None:
    """What is not known yet is entered behind the rest with deadline publication + overlap; what is known stays."""
    known = {entry.generation for entry in ledger.entries}
    admitted = ledger.admit(items, published_at, overlap)
    assert admitted.entries[: len(ledger.entries)] == ledger.entries
    deadline = published_at + overlap
    fresh = [
        Entry(item.generation, item.handle, deadline, published_at=published_at)
        for item in items
        if item.generation not in known
    ]
    assert list(admitted.entries[len(ledger.entries) :]) == fresh
    assert admitted.admit(items, published_at + DAY, overlap) == admitted


@given(ledgers(), instants())
def test_an_emergency_only_pulls_deadlines_nearer(ledger: Ledger, now: datetime) -> None:
    """After it everything that is not known dead is due now, and an earlier deadline keeps its instant."""
    hurried = ledger.expedite(now)
    assert [entry.deadline for entry in hurried.entries] == [min(e.deadline, now) for e in ledger.entries]
    assert all(entry.expedited for entry in hurried.entries)
    assert [entry.generation for entry in hurried.due(now)] == [entry.generation for entry in ledger.waiting()]


@given(ledgers(), st.lists(st.sampled_from("abcdefgh")))
def test_only_the_dead_and_unnamed_are_forgotten(ledger: Ledger, named: list[str]) -> None:
    """An entry goes when it is known dead and the pair names it no more; all others stay in order."""
    kept = [entry for entry in ledger.entries if entry.retired is None or entry.generation in named]
    assert list(ledger.forget(named).entries) == kept
    assert list(ledger.forget(name for name in named).entries) == kept


@given(ledgers(), st.sampled_from("abcdefgh"), superseded(), instants(), lengths())
def test_what_is_current_again_has_no_deadline(
    ledger: Ledger, current: str, items: list[Superseded], published_at: datetime, overlap: timedelta
) -> None:
    """It leaves the ledger and nothing else does; superseded once more, it is given a whole overlap of its own."""
    left = ledger.reinstate(current)
    assert list(left.entries) == [entry for entry in ledger.entries if entry.generation != current]
    again = left.admit([Superseded(current, f"handle-{current}")], published_at, overlap).entries[-1]
    assert (again.generation, again.deadline, again.attempts) == (current, published_at + overlap, 0)


@given(ledgers())
def test_a_ledger_survives_the_state(ledger: Ledger) -> None:
    """What is stored as JSON is read back the same."""
    assert Ledger.from_state(json.loads(json.dumps(ledger.to_state()))) == ledger


def test_the_stored_form() -> None:
    """The stored form is a public format: these keys, instants in RFC 3339, an empty text for what is not dead."""
    entry = Entry("g", "h", START, None, "refused", 2, START - DAY)
    assert entry.to_state() == {
        "version": 2,
        "generation": "g",
        "handle": "h",
        "deadline": "2026-01-01T12:00:00Z",
        "retired": "",
        "error": "refused",
        "attempts": 2,
        "published_at": "2025-12-31T12:00:00Z",
        "expedited": False,
    }
    assert replace(entry, retired=START + DAY).to_state()["retired"] == "2026-01-02T12:00:00Z"
    assert Ledger.from_state(None) == Ledger.from_state([]) == Ledger()
    stored_by_pulumi = {**entry.to_state(), "version": 2.0, "attempts": 2.0}
    assert Entry.from_state(stored_by_pulumi) == entry, "Pulumi stores numbers as floats"


@pytest.mark.parametrize("broken", [{"deadline": "yesterday"}, {"deadline": "2026-01-01T12:00:00"}, {"attempts": "x"}])
def test_a_broken_state_is_not_read_as_something_else(broken: dict[str, str]) -> None:
    """An instant without a zone or a count that is none is refused, not guessed."""
    state = Entry("g", "h", START).to_state()
    with pytest.raises(ValueError, match=r"."):
        Entry.from_state({**state, **broken})


def test_settling_touches_one_entry() -> None:
    """The outcome of one revocation changes its own entry alone; one that is not there changes nothing."""
    one, two = Entry("a", "ha", START), Entry("b", "hb", START)
    dead = replace(two, retired=START)
    assert Ledger((one, two)).settle(dead) == Ledger((one, dead))
    assert Ledger((one,)).settle(dead) == Ledger((one,))
