"""The stored forms of a ledger: what any release wrote is read, and what nobody can know is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rotation.errors import StateIsNewer
from rotation.ledger import Entry, Ledger
from rotation.testing.builders import START

STATES = Path(__file__).parents[1] / "states" / "ledgers"
A = "sandbox-3f9a1c2b_admin_20260101t120000z_aaaaaa"
B = "sandbox-3f9a1c2b_admin_20260201t120000z_bbbbbb"
C = "sandbox-3f9a1c2b_admin_20260215t120000z_cccccc"


def noon(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


FIRST, SECOND = Entry(A, A, noon(3, 1)), Entry(B, "accessor-b", noon(3, 20))
READ: dict[str, tuple[Entry, ...]] = {
    "1": (
        replace(FIRST, error="revoke: HTTP 500", attempts=3),
        SECOND,
        Entry(C, "accessor-c", noon(3, 1), datetime(2026, 3, 2, tzinfo=UTC)),
    ),
    "1-sparse": (FIRST,),
    "1-and-2": (FIRST, replace(SECOND, deadline=noon(3, 1), published_at=noon(2, 20))),
    "2": (
        replace(FIRST, error="revoke: HTTP 500", attempts=1, published_at=noon(1, 30), expedited=True),
        replace(SECOND, published_at=noon(2, 20)),
    ),
}


def stored(name: str) -> Any:
    """A ledger as some release stored it."""
    return json.loads((STATES / f"{name}.json").read_text())["stored"]


@pytest.mark.parametrize("name", READ)
def test_what_any_release_wrote_is_read(name: str) -> None:
    """No entry is lost, no deadline moves, and what was not noted is as in a fresh entry."""
    assert Ledger.from_state(stored(name)).entries == READ[name]


@pytest.mark.parametrize("name", READ)
def test_what_was_read_is_stored_in_the_newest_form(name: str) -> None:
    """Stored again, every entry names the newest version, and is read back the same."""
    ledger = Ledger.from_state(stored(name))
    assert {entry["version"] for entry in ledger.to_state()} == {2}
    assert Ledger.from_state(json.loads(json.dumps(ledger.to_state()))) == ledger


def test_every_stored_form_is_tested() -> None:
    """A stored example is either read or refused by a test here."""
    assert {file.stem for file in STATES.glob("*.json")} == {*READ, "3"}


def test_a_newer_form_is_refused_with_what_to_do() -> None:
    """A release does not guess at what a newer one stored: it might lose an entry."""
    with pytest.raises(StateIsNewer) as refused:
        Ledger.from_state(stored("3"))
    assert str(refused.value) == (
        "StateIsNewer: read the ledger of: its entries are of version 3, and this release reads up to 2."
        " Run the release that wrote the state, or a newer one."
    )


@pytest.mark.parametrize("name", ["generation", "handle", "deadline"])
@pytest.mark.parametrize("version", ["1", "2"])
def test_an_entry_without_its_ids_is_refused(version: str, name: str) -> None:
    """What is needed to end a generation in time is never guessed."""
    entry = stored(version)[0]
    without = {key: text for key, text in entry.items() if key != name}
    for broken in (without, {**entry, name: ""}, {**entry, name: None}):
        with pytest.raises((KeyError, ValueError, TypeError), match=rf"{name}|Invalid isoformat|must be str"):
            Ledger.from_state([broken])


@pytest.mark.parametrize("name", ["version", "retired", "error", "attempts", "published_at", "expedited"])
def test_the_rest_may_be_missing(name: str) -> None:
    """A field that an older release did not write is as in a fresh entry."""
    entry = Entry("g", "h", START).to_state()
    for sparse in ({key: text for key, text in entry.items() if key != name}, {**entry, name: None}):
        assert Ledger.from_state([sparse]).entries == (Entry("g", "h", START),)
