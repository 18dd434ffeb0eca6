"""The chain that decides, and the arithmetic that refuses a policy which cannot hold."""

from __future__ import annotations

from datetime import datetime, timedelta

from rotation import checks
from rotation.checks import Check, History
from rotation.durations import format_duration
from rotation.errors import InvalidSettings
from rotation.model import Policy
from rotation.reasons import Action, Decision, Reason

ROTATION_CHAIN: tuple[Check, ...] = (
    checks.state_is_older,  # make sure that a restored state undoes nothing
    checks.ledger_full,  # make sure that what is superseded stays countable
    checks.missing_at_backend,  # make sure that consumers hold something that exists
    checks.rejected_by_backend,  # make sure that it works
    checks.emergency,  # make sure that an operator is obeyed at once
    checks.forced_by_operator,
    checks.spec_changed,  # make sure that the token is what the config says
    checks.previous_unpublished,  # make sure that a broken target does not mint for ever
    checks.backend_unreachable,  # make sure that nothing is started that cannot end
    checks.maximum_age,  # make sure that it is replaced in time
    checks.nearing_expiry,
    checks.renewal_gains_nothing,  # make sure that a renewal has a use
    checks.renewal_due,  # make sure that it lives until it is replaced
)


def decide(policy: Policy, history: History | None, now: datetime) -> Decision:
    """What to do with a token now: the first check that finds something says so; otherwise it is kept."""
    if history is None:
        return Decision(Action.ROTATE, Reason.FIRST_GENERATION, "it has no generation yet")
    for check in ROTATION_CHAIN:
        decision = check(policy, history, now)
        if decision is not None:
            return decision
    return Decision(Action.KEEP, Reason.NOTHING_DUE, "nothing is due", checks.rotates_at(policy, history))


def margins(policy: Policy, lifetime: timedelta, cap: timedelta | None = None) -> dict[str, timedelta]:
    """How much time each promise of a policy has to spare when a token lives for `lifetime`; negative: it cannot hold.

    A superseded generation must outlive its rotation by the overlap even when the run was `tolerated_outage` late.
    With renewal the end moves: then renewal must come early enough, and the age at rotation must fit below the cap.
    """
    late_overlap = policy.tolerated_outage + policy.overlap
    spare: dict[str, timedelta] = {}
    if policy.rotate_before is not None:
        spare["rotate_before - tolerated_outage - overlap"] = policy.rotate_before - late_overlap
        spare["lifetime - rotate_before"] = lifetime - policy.rotate_before - timedelta(seconds=1)
    if policy.renew_before is not None:
        spare["renew_before - tolerated_outage - overlap"] = policy.renew_before - late_overlap
        spare["lifetime - renew_before"] = lifetime - policy.renew_before - timedelta(seconds=1)
    if policy.rotate_every is not None and (policy.renew_before is None or cap is not None):
        longest = lifetime if policy.renew_before is None or cap is None else max(cap, lifetime)
        name = "lifetime" if longest == lifetime else "cap"
        spare[f"{name} - rotate_every - tolerated_outage - overlap"] = longest - policy.rotate_every - late_overlap
    return spare


def needed_lifetime(policy: Policy) -> timedelta:
    """The shortest life with which the policy still holds; what a backend grants is measured against it."""
    lengths = [policy.overlap + policy.tolerated_outage]
    if policy.rotate_every is not None and policy.renew_before is None:
        lengths.append(policy.rotate_every + policy.tolerated_outage + policy.overlap)
    if policy.rotate_before is not None:
        lengths.append(policy.rotate_before + timedelta(seconds=1))
    if policy.renew_before is not None:
        lengths.append(policy.renew_before + timedelta(seconds=1))
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
        if spare < timedelta(0):
            _refuse(token, name, spare)


def _refuse(token: str, name: str, spare: timedelta) -> None:
    raise InvalidSettings(
        "check the policy of",
        f"it cannot hold: {name} leaves a margin of {format_duration(spare)}",
        "Nothing was minted. Change the policy in the stack's config so that no margin is negative; the superseded"
        " generation must outlive a rotation by `overlap` even when the run is `tolerated_outage` late.",
        token=token,
    )
