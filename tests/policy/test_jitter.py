"""Jitter: tokens of one policy do not all rotate at once, and every run agrees on when each does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.checks import History, jitter_of, latest_start, maximum_age, nearing_expiry, rotates_at
from rotation.model import TOKEN_NAME, Policy, new_generation_id
from rotation.testing.builders import DAY, OWNER, SECOND, START, a_generation, a_history, a_policy
from rotation.testing.strategies import histories, policies

JITTERED = a_policy(jitter="2d")


def of(token: str, **facts: object) -> History:
    """The history of a token's generation minted at START."""
    return a_history(generation=a_generation(START, token), **facts)


@given(policies(), histories())
def test_a_rotation_only_ever_moves_earlier(policy: Policy, history: History) -> None:
    """By the whole jitter at most, to the second; and by nothing where none is set."""
    plain = rotates_at(policy.model_copy(update={"jitter": None}), history)
    earlier = plain - rotates_at(policy, history)
    assert timedelta(0) <= earlier <= (policy.jitter or timedelta(0))
    assert earlier == jitter_of(policy, history)
    assert earlier % SECOND == timedelta(0)
    assert latest_start(policy, history) == latest_start(policy.model_copy(update={"jitter": None}), history)


@given(st.from_regex(TOKEN_NAME, fullmatch=True))
def test_the_name_decides(name: str) -> None:
    """Each generation of a token, of whatever owner and instant, has the same jitter."""
    one, other = (a_generation(START + length, name) for length in (timedelta(0), 40 * DAY))
    elsewhere = new_generation_id("other-00000000", name, START)
    assert len({jitter_of(JITTERED, a_history(generation=id_)) for id_ in (one, other, elsewhere)}) == 1


def test_names_are_spread_over_the_whole_jitter() -> None:
    """Of a thousand tokens each tenth of the jitter has its share, and hardly two the same second."""
    drawn = [jitter_of(JITTERED, of(f"token-{number}")) for number in range(1000)]
    tenths = [sum(length * 10 // (2 * DAY) == tenth for length in drawn) for tenth in range(10)]
    assert min(tenths) > 60
    assert len(set(drawn)) > 990
    shortest = a_policy(jitter="1s")
    assert {jitter_of(shortest, of(f"token-{number}")) for number in range(50)} == {timedelta(0), SECOND}


def test_the_jitter_of_a_name_is_for_ever() -> None:
    """A later release must not move everybody's rotation: the lot of a name is a public format."""
    assert jitter_of(JITTERED, of("authentik-admin")) == timedelta(days=1, hours=10, seconds=5)
    assert jitter_of(a_policy(jitter="1h"), of("vault-admin")) == timedelta(minutes=57, seconds=23)


@pytest.mark.parametrize("generation", ["", "x", "adopted-by-hand", f"{OWNER}_admin"])
def test_a_generation_that_is_no_id_has_none(generation: str) -> None:
    """Nothing is guessed from another's name, and nothing fails."""
    history = replace(of("admin"), generation=generation)
    assert jitter_of(JITTERED, history) == timedelta(0)
    assert rotates_at(JITTERED, history) == START + 57 * DAY


def test_the_reason_tells_the_jitter() -> None:
    """What is earlier than the policy says is explained by it, to the second; it is due from that very second on."""
    by_age = a_policy(rotate_before=None, rotate_every="25d", overlap="1d", jitter="1d")
    history = of("admin")
    early = jitter_of(by_age, history)
    told = maximum_age(by_age, history, START + 25 * DAY - early)
    assert told is not None
    assert told.message == f"it is 24d old and is replaced every 25d less {early.seconds}s of jitter"
    assert maximum_age(by_age, history, START + 25 * DAY - early - SECOND) is None
    by_end = a_policy(jitter="1d")
    told = nearing_expiry(by_end, history, START + 57 * DAY - early)
    assert told is not None
    rule = f"it is replaced 33d and {early.seconds}s of jitter before its end"
    assert told.message == f"it ends at 2026-04-01T12:00:00Z and {rule}"
    assert nearing_expiry(by_end, history, START + 57 * DAY - early - SECOND) is None
