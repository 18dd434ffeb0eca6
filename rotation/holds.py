"""What makes a rotation wait, though it is asked for: one fact, one reason, one sentence each. No I/O here.

A hold speaks only when there is something to hold. None of those on a scheduled rotation holds past the latest start,
from which on a run more that fails would cost consumers their overlap.
"""

from __future__ import annotations

from datetime import datetime

from rotation import checks
from rotation.checks import Check, History, dies_at, first, latest_start, scheduled
from rotation.clock import to_rfc3339
from rotation.model import Policy, is_newer
from rotation.reasons import Action, Decision, Reason
from rotation.windows import is_open, next_opening

MINTS: tuple[Check, ...] = (
    checks.missing_at_backend,
    checks.rejected_by_backend,
    checks.emergency,
    checks.forced_by_operator,
    checks.spec_changed,
    checks.scheduled,
)
"""All that asks for a mint."""


def nothing_to_roll_back_to(policy: Policy, history: History, now: datetime) -> Decision | None:
    """An operator wants the generation before this one back, but none works any more.

    It gives way to what cannot wait, or a forgotten nonce would cost the token.
    """
    pressing = history.emergency or history.forced or history.missing or history.rejected
    limit = latest_start(policy, history)
    if not history.rollback or history.fallback or pressing or now >= limit:
        return None
    message = (
        "a new rollback nonce stands in the config, but no earlier generation works any more;"
        " take the nonce back, or set a new force nonce"
    )
    return Decision(Action.DEFER, Reason.NOTHING_TO_ROLL_BACK_TO, message, limit)


def waiting_for_bootstrap(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """The backend takes no credential of ours: nothing can be minted, renewed or ended before a person gives one.

    It speaks though nothing is due, and past every other limit: consumers hold a value that does not work.
    """
    if not history.bootstrap:
        return None
    return Decision(Action.DEFER, Reason.BOOTSTRAP_NEEDED, history.bootstrap)


def paused(policy: Policy, history: History, now: datetime) -> Decision | None:
    """An operator lets nothing be minted, and something would be: it says until when the token lives."""
    if not history.paused:
        return None
    asked = first(MINTS, policy, history, now)
    if asked is None:
        return None
    message = f"a mint is due ({asked.reason}), but minting is paused; {_fate(policy, history, now)}"
    return Decision(Action.DEFER, Reason.PAUSED, message)


def waiting_for_dependency(policy: Policy, history: History, now: datetime) -> Decision | None:
    """Something that must be ready before a mint is not: a server that is being set up, an operator that configures it.

    It holds every mint but two: an emergency, which outranks it, and one past the latest start, lest a wrong entry in
    the config let the token die.
    """
    if not history.dependency or history.emergency or now >= latest_start(policy, history):
        return None
    asked = first(MINTS, policy, history, now)
    if asked is None:
        return None
    message = f"a mint is due ({asked.reason}), but {history.dependency}"
    return Decision(Action.DEFER, Reason.WAITING_FOR_DEPENDENCY, message, latest_start(policy, history))


def paused_at_its_place(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A person set `auto-rotate: "false"` where the token is published: what time alone asks for waits for them.

    A nonce in the config, a token that is dead and one that is not what the config says are no matter of time.
    """
    if not history.unrotated:
        return None
    due = scheduled(policy, history, now)
    if due is None:
        return None
    why = f"the annotation auto-rotate at {history.unrotated} is false; {_fate(policy, history, now)}"
    return Decision(Action.DEFER, Reason.PAUSED, f"a rotation is due ({due.reason}), but {why}")


def previous_unpublished(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The current generation never reached its consumers: minting another would not help them."""
    due = scheduled(policy, history, now)
    if due is None or history.published is None or history.published.generation == history.generation:
        return None
    if is_newer(history.published.generation, history.generation):
        return None  # it is the state that is older
    end = history.published.expires
    limit = None if end is None else end - policy.tolerated_outage
    if limit is not None and now >= limit:
        return None
    message = (
        f"a rotation is due ({due.reason}), but {history.generation} is not published yet; repair its targets first"
    )
    return Decision(Action.DEFER, Reason.PREVIOUS_UNPUBLISHED, message, limit)


def backend_unreachable(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A rotation is due and the backend cannot be asked; the next run tries again."""
    due = scheduled(policy, history, now)
    if due is None or not history.unreachable:
        return None
    message = f"a rotation is due ({due.reason}), but the backend gives no answer: {history.unreachable}"
    return Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, message)


def rolled_back(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The last rotation was taken back: the next would most likely fail as well, and somebody should look first."""
    if not history.rolled_back or not _can_wait(policy, history, now):
        return None
    limit = latest_start(policy, history)
    why = f"the last one was rolled back; it waits for a new force nonce, or until {to_rfc3339(limit)}"
    return Decision(Action.DEFER, Reason.ROLLED_BACK, f"a rotation is due, but {why}", limit)


def outside_window(policy: Policy, history: History, now: datetime) -> Decision | None:
    """No window of the policy is open, or today is blacked out."""
    if is_open(policy, now) or not _can_wait(policy, history, now):
        return None
    limit = latest_start(policy, history)
    begins = min(next_opening(policy, now) or limit, limit)
    message = f"a rotation is due, but no window is open; it begins at {to_rfc3339(begins)}"
    return Decision(Action.DEFER, Reason.OUTSIDE_WINDOW, message, begins)


def rotation_limit(policy: Policy, history: History, now: datetime) -> Decision | None:
    """As many scheduled rotations as one run may begin are others' in this run."""
    if history.slot or not _can_wait(policy, history, now):
        return None
    limit = latest_start(policy, history)
    why = f"this run's limit is used up by other tokens; its turn comes, at the latest at {to_rfc3339(limit)}"
    return Decision(Action.DEFER, Reason.ROTATION_LIMIT, f"a rotation is due, but {why}", limit)


def _can_wait(policy: Policy, history: History, now: datetime) -> bool:
    """Whether a scheduled rotation is due, and there is time."""
    return scheduled(policy, history, now) is not None and now < latest_start(policy, history)


def _fate(policy: Policy, history: History, now: datetime) -> str:
    if history.missing or history.rejected:
        return "the token does not work any more"
    end = dies_at(policy, history)
    return f"the token {'dies' if end > now else 'died'} at {to_rfc3339(end)}"
