"""What is kept of a team's tokens: when each is let in, and how a record is written and read."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from rotation.operator_tokens.record import (
    TEAM_KEY,
    VALUE_BYTES,
    Entry,
    Record,
    State,
    Status,
    data_of,
    hash_of,
    new_value,
    read_record,
)
from rotation.testing.builders import DAY, SECOND, START, a_generation
from rotation.testing.secrecy import reveals, told_by

TEAM = "team-a"
HASH = hash_of("a planted value")


def an_entry(state: State = State.ACTIVE, **parts: object) -> Entry:
    """An operational entry of ninety days."""
    usual = {"namespace": TEAM, "generation": a_generation(), "version": 1}
    usual |= {"issued_at": START, "valid_until": START + 90 * DAY}
    return Entry.model_validate({**usual, "state": state, **parts})


ENDS = {
    "active": (an_entry(), START + 90 * DAY),
    "pending": (an_entry(State.PENDING, lease_until=START + DAY), START + DAY),
    "pending, of a lease that outlives it": (an_entry(State.PENDING, lease_until=START + 99 * DAY), START + 90 * DAY),
    "superseded, open": (an_entry(State.SUPERSEDED), START + 90 * DAY),
    "superseded, in its grace": (an_entry(State.SUPERSEDED, grace_until=START + 7 * DAY), START + 7 * DAY),
    "superseded, near its end": (an_entry(State.SUPERSEDED, grace_until=START + 99 * DAY), START + 90 * DAY),
    "active, with the end of a grace that is none": (an_entry(grace_until=START + DAY), START + 90 * DAY),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_entry_is_let_in_until_its_end_and_not_at_it(name: str) -> None:
    """A second before its end it is accepted, at its end it is not: by its own, its lease's or its grace's."""
    entry, end = ENDS[name]
    assert (entry.is_accepted(end - SECOND), entry.is_accepted(end)) == (True, False)


def test_what_is_revoked_is_never_let_in() -> None:
    """Whatever its ends say, and also by a clock that is behind its revocation."""
    entry = an_entry(State.REVOKED, revoked_at=START + DAY)
    assert not entry.is_accepted(START)
    assert not entry.is_accepted(START + 2 * DAY)
    assert entry.ends_at == START + DAY


def test_a_value_has_256_bits_and_never_comes_twice() -> None:
    """43 characters that need no escaping anywhere; a thousand of them are a thousand."""
    values = {new_value() for _ in range(1000)}
    assert len(values) == 1000
    assert {len(value) for value in values} == {43}
    assert VALUE_BYTES == 32
    assert not [value for value in values if not value.replace("-", "").replace("_", "").isalnum()]


def test_a_record_is_read_as_it_was_written() -> None:
    """Entries by hash and the team, in the data of a ConfigMap; what says nothing is left out."""
    record = Record(TEAM).with_entry(HASH, an_entry(kept_by="admission", made_by=a_generation()))
    record = record.with_team(status=Status.GRACE, reason="Rotated", since=START, rotations=2)
    assert read_record(TEAM, data_of(record)) == record
    assert data_of(Record(TEAM)) == {TEAM_KEY: "{}"}
    assert "revoked_at" not in json.loads(data_of(record)[HASH])


def test_what_others_put_beside_is_no_entry() -> None:
    """Only hashes and the team are read."""
    data = {"note": "by hand", HASH[:-1]: "{}", HASH.upper(): "{}"}
    assert read_record(TEAM, data) == Record(TEAM)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"state": "unheard of"}'])
def test_a_damaged_entry_is_not_read_as_none(text: str) -> None:
    """A hash whose entry cannot be read raises: it must not pass for one that was never there."""
    with pytest.raises(ValidationError):
        read_record(TEAM, {HASH: text})


def test_a_record_counts_versions_by_type() -> None:
    """The next version follows the highest of its own type, dead ones too."""
    record = Record(TEAM).with_entry(HASH, an_entry(State.REVOKED, version=3))
    assert (record.next_version(), record.next_version("admission")) == (4, 1)


def test_a_record_tells_no_value() -> None:
    """Neither what is stored nor what is shown of it holds the value, in whole or in part."""
    value = new_value()
    record = Record(TEAM).with_entry(hash_of(value), an_entry())
    assert not reveals(told_by(record) + json.dumps(data_of(record)), value)


def test_the_types_are_kept_apart() -> None:
    """What is accepted of one type says nothing of the other."""
    record = Record(TEAM).with_entry(HASH, an_entry()).with_entry(HASH[::-1], an_entry(token_type="admission"))
    assert list(record.accepted(START)) == [HASH]
    assert list(record.accepted(START, "admission")) == [HASH[::-1]]
    assert record.accepted(START + timedelta(days=90)) == {}
