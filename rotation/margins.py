"""The arithmetic that refuses a policy which cannot hold, and says how much time is missing."""

from __future__ import annotations

from datetime import timedelta

from rotation.durations import format_duration
from rotation.errors import InvalidSettings
from rotation.model import Policy
from rotation.windows import longest_closed

_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)


def margins(policy: Policy, lifetime: timedelta, cap: timedelta | None = None) -> dict[str, timedelta]:
    """How much time each promise of a policy has to spare when a token lives for `lifetime`; negative: it cannot hold.

    A superseded generation must outlive its rotation by the overlap even when the run was `tolerated_outage` late, and
    when the rotation waited for a window. With renewal the end moves: then renewal must come early enough, and the age
    at rotation must fit below the cap.
    """
    late_overlap = policy.tolerated_outage + policy.overlap
    closed = longest_closed(policy)
    waits = " - longest closed time" if closed else ""
    jitter, earlier = policy.jitter or _NOTHING, " - jitter" if policy.jitter else ""
    spare: dict[str, timedelta] = {}
    if policy.rotate_before is not None:
        spare[f"rotate_before - tolerated_outage - overlap{waits}"] = policy.rotate_before - late_overlap - closed
        spare[f"lifetime - rotate_before{earlier}"] = lifetime - policy.rotate_before - jitter - _SECOND
    if policy.renew_before is not None:
        spare["renew_before - tolerated_outage - overlap"] = policy.renew_before - late_overlap
        spare["lifetime - renew_before"] = lifetime - policy.renew_before - _SECOND
    if policy.rotate_every is not None and (policy.renew_before is None or cap is not None):
        longest = lifetime if policy.renew_before is None or cap is None else max(cap, lifetime)
        name = f"{'lifetime' if longest == lifetime else 'cap'} - rotate_every - tolerated_outage - overlap{waits}"
        spare[name] = longest - policy.rotate_every - late_overlap - closed
    return spare


def spacing(policy: Policy, lifetime: timedelta, interval: timedelta) -> dict[str, timedelta]:
    """How much time lies between the end of an overlap and the next rotation; negative: three generations would live.

    A run ends what is past its deadline at most an interval late.
    """
    jitter, earlier = policy.jitter or _NOTHING, " - jitter" if policy.jitter else ""
    needed = policy.overlap + interval + jitter
    spare: dict[str, timedelta] = {}
    if policy.rotate_every is not None:
        spare[f"rotate_every{earlier} - overlap - run_interval"] = policy.rotate_every - needed
    if policy.rotate_before is not None:
        spare[f"lifetime - rotate_before{earlier} - overlap - run_interval"] = lifetime - policy.rotate_before - needed
    return spare


def needed_lifetime(policy: Policy) -> timedelta:
    """The shortest life with which no consumer is cut off and nothing is due at birth; a grant is measured against it.

    A grant that is too short for windows, or for two generations at most, is better than no token.
    """
    lengths = [policy.overlap + policy.tolerated_outage]
    if policy.rotate_every is not None and policy.renew_before is None:
        lengths.append(policy.rotate_every + policy.tolerated_outage + policy.overlap)
    if policy.rotate_before is not None:
        lengths.append(policy.rotate_before + (policy.jitter or _NOTHING) + _SECOND)
    if policy.renew_before is not None:
        lengths.append(policy.renew_before + _SECOND)
    return max(lengths)


def refuse_impossible(token: str, policy: Policy, interval: timedelta, cap: timedelta | None = None) -> None:
    """Raise InvalidSettings, with the computed margin, for a policy that cannot hold at this interval between runs.

    cap: the longest life the backend can give one generation, renewals included; None when it has none.
    """
    if policy.tolerated_outage < 2 * interval:
        _refuse(token, "tolerated_outage - 2 x run_interval", policy.tolerated_outage - 2 * interval)
    if cap is not None and policy.lifetime > cap:
        _refuse(token, f"cap of the backend ({format_duration(cap)}) - lifetime", cap - policy.lifetime)
    for name, spare in margins(policy, policy.lifetime, cap).items():
        if spare < _NOTHING:
            _refuse(token, name, spare)
    for name, spare in spacing(policy, policy.lifetime, interval).items():
        if spare < _NOTHING:
            _refuse(token, name, spare)


def _refuse(token: str, name: str, spare: timedelta) -> None:
    raise InvalidSettings(
        "check the policy of",
        f"it cannot hold: {name} leaves a margin of {format_duration(spare)}",
        "Nothing was minted. Change the policy in the stack's config so that no margin is negative; the superseded"
        " generation must outlive a rotation by `overlap` even when the run is `tolerated_outage` late, and must be"
        " ended before the next rotation begins.",
        token=token,
    )
