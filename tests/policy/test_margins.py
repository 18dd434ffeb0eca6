"""Policies that cannot hold are refused, with the margin; and what a policy needs of a granted life."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.checks import rotates_at
from rotation.errors import InvalidSettings
from rotation.margins import margins, needed_lifetime, refuse_impossible
from rotation.model import Policy
from rotation.policy import decide
from rotation.reasons import Action
from rotation.testing.builders import DAY, SECOND, START, a_history, a_policy
from rotation.testing.strategies import any_policies, is_possible, lengths, policies
from rotation.windows import longest_closed

BY_AGE = {"rotate_before": None, "rotate_every": "25d", "overlap": "1d", "lifetime": "29d"}
RENEWED = {"rotate_before": None, "rotate_every": "25d", "renew_before": "7d", "overlap": "1d", "lifetime": "10d"}

WEEKEND = {"windows": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}]}  # closed for five days

POSSIBLE: dict[str, tuple[Policy, timedelta, timedelta | None]] = {
    "the outage is exactly two intervals": (a_policy(), 36 * timedelta(hours=1), None),
    "rotate_before is exactly outage and overlap": (a_policy(rotate_before="33d"), DAY, None),
    "the overlap and a run fit before rotate_before": (a_policy(lifetime="64d"), DAY, None),
    "and the jitter": (a_policy(lifetime="66d", jitter="2d"), DAY, None),
    "the overlap and a run fit into the age": (a_policy(**{**BY_AGE, "rotate_every": "2d"}), DAY, None),
    "and the jitter into the age": (a_policy(**BY_AGE, jitter="23d"), DAY, None),
    "the windows are closed while rotate_before has to spare": (
        a_policy(rotate_before="38d", **WEEKEND),
        DAY,
        None,
    ),
    "the windows are closed while the age leaves": (
        a_policy(**{**BY_AGE, **WEEKEND, "lifetime": "34d"}),
        DAY,
        None,
    ),
    "the age, outage and overlap fill the lifetime": (a_policy(**BY_AGE), DAY, None),
    "the lifetime is exactly the cap": (a_policy(), DAY, 90 * DAY),
    "the age fits below the cap, by renewal": (a_policy(**RENEWED), DAY, 29 * DAY),
    "the age is longer than the lifetime, and no cap is known": (a_policy(**RENEWED), DAY, None),
    "the lifetime is a second longer than renew_before": (a_policy(**{**RENEWED, "lifetime": "604801s"}), DAY, None),
}


@pytest.mark.parametrize("case", POSSIBLE.values(), ids=POSSIBLE.keys())
def test_a_policy_with_no_time_to_spare_is_accepted(case: tuple[Policy, timedelta, timedelta | None]) -> None:
    """A margin of nothing is enough."""
    policy, interval, cap = case
    refuse_impossible("admin", policy, interval, cap)


IMPOSSIBLE: dict[str, tuple[Policy, timedelta, timedelta | None, str]] = {
    "the outage is a second below two intervals": (
        a_policy(),
        1.5 * DAY + timedelta(milliseconds=500),
        None,
        "tolerated_outage - 2 x run_interval leaves a margin of -1s",
    ),
    "rotate_before is a second too short": (
        a_policy(rotate_before="2851199s"),
        DAY,
        None,
        "rotate_before - tolerated_outage - overlap leaves a margin of -1s",
    ),
    "the lifetime is rotate_before": (
        a_policy(lifetime="33d"),
        DAY,
        None,
        "lifetime - rotate_before leaves a margin of -1s",
    ),
    "the lifetime is shorter than rotate_before": (
        a_policy(lifetime="1d"),
        DAY,
        None,
        "lifetime - rotate_before leaves a margin of -2764801s",
    ),
    "the age leaves a second too little": (
        a_policy(**{**BY_AGE, "lifetime": "2505599s"}),
        DAY,
        None,
        "lifetime - rotate_every - tolerated_outage - overlap leaves a margin of -1s",
    ),
    "the lifetime is longer than the cap": (
        a_policy(),
        DAY,
        89 * DAY,
        "cap of the backend (89d) - lifetime leaves a margin of -1d",
    ),
    "the age does not fit below the cap": (
        a_policy(**RENEWED),
        DAY,
        28 * DAY,
        "cap - rotate_every - tolerated_outage - overlap leaves a margin of -1d",
    ),
    "the age leaves no time for a run after the overlap": (
        a_policy(**{**BY_AGE, "rotate_every": "172799s"}),
        DAY,
        None,
        "rotate_every - overlap - run_interval leaves a margin of -1s",
    ),
    "the jitter leaves no time for a run after the overlap": (
        a_policy(**BY_AGE, jitter="24d"),
        DAY,
        None,
        "rotate_every - jitter - overlap - run_interval leaves a margin of -1d",
    ),
    "a longer overlap than the time between two rotations by the end": (
        a_policy(lifetime="63d"),
        DAY,
        None,
        "lifetime - rotate_before - overlap - run_interval leaves a margin of -1d",
    ),
    "the jitter makes it longer": (
        a_policy(lifetime="65d", jitter="2d"),
        DAY,
        None,
        "lifetime - rotate_before - jitter - overlap - run_interval leaves a margin of -1d",
    ),
    "the jitter is all that is left": (
        a_policy(jitter="57d"),
        DAY,
        None,
        "lifetime - rotate_before - jitter leaves a margin of -1s",
    ),
    "a cap above the lifetime is of no use to a token that is not renewed": (
        a_policy(**{**BY_AGE, "lifetime": "28d"}),
        DAY,
        90 * DAY,
        "lifetime - rotate_every - tolerated_outage - overlap leaves a margin of -1d",
    ),
    "the windows are closed for longer than rotate_before has to spare": (
        a_policy(rotate_before="37d", **WEEKEND),
        DAY,
        None,
        "rotate_before - tolerated_outage - overlap - longest closed time leaves a margin of -1d",
    ),
    "the windows are closed for longer than the age leaves": (
        a_policy(**{**BY_AGE, **WEEKEND, "lifetime": "33d"}),
        DAY,
        None,
        "lifetime - rotate_every - tolerated_outage - overlap - longest closed time leaves a margin of -1d",
    ),
    "the windows are closed for longer than the cap leaves": (
        a_policy(**RENEWED, **WEEKEND),
        DAY,
        33 * DAY,
        "cap - rotate_every - tolerated_outage - overlap - longest closed time leaves a margin of -1d",
    ),
    "renew_before is a day too short": (
        a_policy(**{**RENEWED, "renew_before": "3d"}),
        DAY,
        None,
        "renew_before - tolerated_outage - overlap leaves a margin of -1d",
    ),
    "the lifetime is renew_before": (
        a_policy(**{**RENEWED, "lifetime": "7d"}),
        DAY,
        None,
        "lifetime - renew_before leaves a margin of -1s",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_policy_that_cannot_hold_is_refused_with_its_margin(
    case: tuple[Policy, timedelta, timedelta | None, str],
) -> None:
    """The message names the token, the sum and the margin, and that nothing was minted."""
    policy, interval, cap, said = case
    with pytest.raises(InvalidSettings) as refused:
        refuse_impossible("admin", policy, interval, cap)
    assert str(refused.value).startswith(f"InvalidSettings: check the policy of admin: it cannot hold: {said}. ")
    assert str(refused.value).endswith(
        "Nothing was minted. Change the policy in the stack's config so that no margin is negative; the superseded"
        " generation must outlive a rotation by `overlap` even when the run is `tolerated_outage` late, and must be"
        " ended before the next rotation begins."
    )


@pytest.mark.parametrize(
    ("policy", "needed"),
    [
        (a_policy(), 33 * DAY + SECOND),
        (a_policy(jitter="3d"), 36 * DAY + SECOND),
        (a_policy(rotate_before="32d"), 33 * DAY),
        (a_policy(rotate_before=None, rotate_every="25d"), 58 * DAY),
        (a_policy(rotate_every="25d"), 58 * DAY),
        (a_policy(rotate_every="25d", rotate_before="60d"), 60 * DAY + SECOND),
        (a_policy(rotate_before=None, rotate_every="25d", renew_before="40d"), 40 * DAY + SECOND),
        (a_policy(rotate_before=None, rotate_every="25d", renew_before="5d"), 33 * DAY),
    ],
)
def test_the_needed_lifetime(policy: Policy, needed: timedelta) -> None:
    """The shortest life with which the policy holds: its parts, and a second in which nothing is due yet."""
    assert needed_lifetime(policy) == needed


def test_a_cap_below_the_lifetime_is_no_cap_for_the_margin() -> None:
    """What is granted counts when it is longer than the cap that we know of."""
    assert margins(a_policy(**RENEWED), 40 * DAY, 30 * DAY) == margins(a_policy(**RENEWED), 40 * DAY, 40 * DAY)


@given(any_policies(), lengths())
def test_a_policy_is_possible_exactly_when_its_parts_fit(policy: Policy, interval: timedelta) -> None:
    """Refusal says the same as: outage of two intervals, early enough, a life as long as needed, and room for a run."""
    late, jitter = policy.overlap + policy.tolerated_outage, policy.jitter or timedelta(0)
    waits = late + longest_closed(policy)
    lead = (policy.rotate_before, waits), (policy.renew_before, late)
    early_enough = all(part is None or part >= needed for part, needed in lead)
    long_enough = policy.lifetime >= needed_lifetime(policy)
    if policy.rotate_every is not None and policy.renew_before is None:
        long_enough &= policy.lifetime >= policy.rotate_every + waits
    periods = [policy.rotate_every, policy.lifetime - policy.rotate_before if policy.rotate_before else None]
    room = all(period is None or period - jitter >= policy.overlap + interval for period in periods)
    holds = early_enough and long_enough and room and policy.tolerated_outage >= 2 * interval
    assert is_possible(policy, interval) is holds


@settings(max_examples=50)
@given(policies(waits=True))
def test_two_generations_at_most(policy: Policy) -> None:
    """The overlap of a generation is over, and a run has ended it, before the next rotation can fall due."""
    due = rotates_at(policy, a_history())
    assert due >= START + policy.overlap + timedelta(hours=1)


@settings(max_examples=50)
@given(policies(renews=False, waits=True))
def test_a_superseded_generation_outlives_a_late_rotation(policy: Policy) -> None:
    """A rotation that waits for a window and is an outage late leaves the overlap, and none is due at birth."""
    due = rotates_at(policy, a_history())
    assert due > START
    begins = due + longest_closed(policy)
    assert START + policy.lifetime - (begins + policy.tolerated_outage) >= policy.overlap


@given(policies(), st.data())
def test_what_is_granted_as_needed_does_not_rotate_at_once(policy: Policy, data: st.DataObject) -> None:
    """With a granted life that is just long enough a fresh generation is not due: it would be minted at every run."""
    granted = data.draw(st.sampled_from([needed_lifetime(policy), policy.lifetime]))
    history = a_history(expires=START + granted)
    assert decide(policy, history, START).action is not Action.ROTATE
