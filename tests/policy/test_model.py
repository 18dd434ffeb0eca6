"""Names, ids, durations and instants: the small parts on which everything rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotation.clock import from_rfc3339, system_clock, to_rfc3339
from rotation.durations import approximate, format_duration, parse_duration
from rotation.model import (
    TOKEN_NAME,
    Generation,
    Minted,
    Policy,
    bears_mark,
    fingerprint,
    is_newer,
    minted_at,
    new_generation_id,
    newest,
    owner_mark,
    token_of,
)
from rotation.testing.builders import DAY, OWNER, SECOND, START, a_generation, a_policy
from rotation.testing.strategies import instants, lengths

KNOWN = "homelab-3f9a1c2b_authentik-admin_20260131t020000z_k3x9ab"
NAMES = st.from_regex(TOKEN_NAME, fullmatch=True)


@given(NAMES, instants(), st.text(max_size=40), st.text(max_size=40))
def test_an_id_tells_owner_token_and_second(token: str, now: datetime, project: str, stack: str) -> None:
    """An id made of any names is read back: its owner's mark, its token, and the second of its minting."""
    owner = owner_mark(project, stack)
    id_ = new_generation_id(owner, token, now)
    assert bears_mark(id_, owner)
    assert not bears_mark(id_, owner_mark(project, stack + "x"))
    assert (token_of(id_), minted_at(id_)) == (token, now)


def test_ids_differ_at_each_call() -> None:
    """A thousand ids of one instant are a thousand ids, of the form that backends accept."""
    ids = {new_generation_id(OWNER, "admin", START) for _ in range(1000)}
    assert len(ids) == 1000
    assert new_generation_id("homelab-3f9a1c2b", "authentik-admin", START)[:-6] == (
        "homelab-3f9a1c2b_authentik-admin_20260101t120000z_"
    )
    assert all(set(id_) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for id_ in ids)


def test_an_id_is_written_in_utc() -> None:
    """The zone of `now` does not change the id's instant."""
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert minted_at(new_generation_id(OWNER, "admin", elsewhere)) == START


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "x",
        f"x{KNOWN}_",
        KNOWN[:-1],
        KNOWN + "a",
        KNOWN.upper(),
        f"{KNOWN}\n",
        KNOWN.replace("z_", "_"),
        f" {KNOWN}",
    ],
)
def test_what_is_nearly_an_id_is_not_ours(foreign: str) -> None:
    """A name that merely resembles an id bears no mark, has no parts, and is never newer."""
    assert not bears_mark(foreign, "homelab-3f9a1c2b")
    with pytest.raises(ValueError, match="is not a generation id"):
        token_of(foreign)
    with pytest.raises(ValueError, match="is not a generation id"):
        minted_at(foreign)
    assert not is_newer(foreign, KNOWN)
    assert not is_newer(a_generation(), foreign)


def test_the_mark_is_the_whole_owner() -> None:
    """An owner that is a prefix or suffix of another's mark is another owner."""
    for other in ("homelab-3f9a1c2", "omelab-3f9a1c2b", "homelab", "", "homelab-3f9a1c2b_authentik-admin"):
        assert not bears_mark(KNOWN, other)
    assert bears_mark(KNOWN, "homelab-3f9a1c2b")


def test_marks_keep_stacks_apart() -> None:
    """Stacks and projects whose plain names are alike still have marks of their own; marks are short and plain."""
    marks = [owner_mark(*pair) for pair in [("p", "a/b"), ("p", "a-b"), ("p", "A-B"), ("q", "a-b"), ("p/a", "b")]]
    assert len(set(marks)) == len(marks)
    assert owner_mark("p", "Home Lab!") == owner_mark("p", "Home Lab!")
    assert owner_mark("p", "Home Lab!").startswith("home-lab-")
    assert owner_mark("p", "!!").startswith("stack-")
    assert len(owner_mark("p", "x" * 300)) == 24 + 1 + 8


def test_the_mark_of_a_backend_among_several() -> None:
    """Two backends of a stack at one server have marks of their own; the marks are public, for they stand in ids."""
    marks = [owner_mark("token-rotation", "homelab", *backend) for backend in ((), ("",), ("one",), ("two",))]
    assert marks == ["homelab-cc2351a8", "homelab-cc2351a8", "homelab-f7d42bee", "homelab-7c9d7e54"]
    assert owner_mark("p", "X home X").startswith("x-home-x-")


def test_newer_means_a_later_second() -> None:
    """Newer is later by at least a second; the same second, or the same id, is not."""
    one, same, later = a_generation(START), a_generation(START), a_generation(START + SECOND)
    assert is_newer(later, one)
    assert not is_newer(one, later)
    assert not is_newer(one, same)
    assert not is_newer(one, one)
    assert newest([one, later]) == newest([later, one]) == later
    assert newest([]) is None
    of_another = a_generation(START, "zzz")
    assert newest([later, of_another]) == newest([of_another, later]) == later


def test_a_value_is_in_no_repr() -> None:
    """A minted generation can be printed without its value; its fingerprint tells two apart and is short."""
    minted = Minted("id", "handle", START, START + DAY, value="planted")
    assert "planted" not in f"{minted!r} {minted}"
    assert Generation("id", "handle", START).expires is None
    assert fingerprint("planted") != fingerprint("planted2")
    assert len(fingerprint("planted")) == 16
    assert fingerprint("") == ""


@pytest.mark.parametrize("name", ["a", "authentik-admin", "0", "a" * 63])
def test_token_names_that_backends_take(name: str) -> None:
    """a-z, 0-9 and inner hyphens, at most 63."""
    assert TOKEN_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "ä", "a b"])
def test_token_names_that_they_refuse(name: str) -> None:
    """Everything else."""
    assert not TOKEN_NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("text", "length"),
    [("365d", 365 * DAY), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30)), ("45s", 45 * SECOND)],
)
def test_durations_are_read_and_written(text: str, length: timedelta) -> None:
    """A number and a unit."""
    assert parse_duration(text) == length
    assert format_duration(length) == text


@pytest.mark.parametrize(
    "text", ["", "d", "0d", "-1d", "1.5h", "1 d", "1D", "1w", "1d12h", "d1", "1", 1, None, 1.0, "1d\n"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    """Nothing is guessed: no unit, no number, no length, or two, is an error that shows the form."""
    with pytest.raises(ValueError, match=r"as in 365d|longer than zero"):
        parse_duration(text)


def test_no_duration_is_longer_than_a_century() -> None:
    """A hundred years are read; a second more would leave every calendar and is refused with the limit."""
    assert parse_duration("36500d") == 36_500 * DAY
    with pytest.raises(ValueError, match=r"^'3153600001s' is longer than 36500d, the longest duration$"):
        parse_duration("3153600001s")


@given(lengths())
def test_a_duration_survives_its_text(length: timedelta) -> None:
    """Each whole length is read back from what was written."""
    assert parse_duration(format_duration(length)) == length == parse_duration(length)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (-DAY, "-1d"),
        (-90 * SECOND, "-90s"),
        (25 * timedelta(hours=1), "25h"),
        (60 * SECOND, "1m"),
    ],
)
def test_the_largest_exact_unit_is_written(length: timedelta, text: str) -> None:
    """Also for nothing and for a negative margin."""
    assert format_duration(length) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (59 * SECOND, "59s"),
        (60 * SECOND, "1m"),
        (3599 * SECOND, "59m"),
        (3600 * SECOND, "1h"),
        (DAY - SECOND, "23h"),
        (DAY, "1d"),
        (25 * DAY + timedelta(hours=3), "25d"),
    ],
)
def test_a_length_is_told_in_its_largest_unit(length: timedelta, text: str) -> None:
    """For people, rounded down."""
    assert approximate(length) == text


@given(instants())
def test_an_instant_survives_its_text(instant: datetime) -> None:
    """RFC 3339 in UTC, whole seconds, whatever the zone."""
    elsewhere = instant.astimezone(timezone(timedelta(hours=-3)))
    assert from_rfc3339(to_rfc3339(elsewhere)) == instant
    assert to_rfc3339(instant).endswith("Z")


def test_instants_are_cut_to_seconds_and_need_a_zone() -> None:
    """Parts of a second are cut, never rounded up; a text without a zone is refused."""
    assert to_rfc3339(datetime(2026, 1, 1, 0, 0, 0, 999_999, UTC)) == "2026-01-01T00:00:00Z"
    assert from_rfc3339("2026-01-01T02:00:00+02:00") == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="without a time zone"):
        from_rfc3339("2026-01-01T00:00:00")
    assert system_clock().tzinfo is UTC


def test_a_policy_must_rotate() -> None:
    """A policy without rotate_before and rotate_every is refused; so is a key that it does not know."""
    with pytest.raises(ValidationError, match="would never rotate"):
        a_policy(rotate_before=None)
    with pytest.raises(ValidationError, match="Extra inputs"):
        a_policy(rotate_bfore="1d")
    assert Policy.model_validate(a_policy().model_dump(mode="json", exclude_none=True)) == a_policy()
    assert a_policy(tolerated_outage=None).tolerated_outage == 3 * DAY
