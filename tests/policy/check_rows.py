"""The table of the checks: a sentence, the facts, and what one check says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotation import checks, holds, renewals
from rotation.checks import Check, History, Published
from rotation.model import Policy
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START, a_generation, a_history, a_policy

GENERATION = a_generation(START)
NEWER = a_generation(START + SECOND)
SAME_SECOND = a_generation(START)
OLDER = a_generation(START - DAY)
BY_END = a_policy()  # 90 days, replaced 33 days before the end: due at day 57
BY_AGE = a_policy(rotate_before=None, rotate_every="25d", overlap="1d")
BOTH = a_policy(rotate_every="25d")
RENEWED = a_policy(rotate_before=None, rotate_every="25d", renew_before="7d", overlap="1d", lifetime="32d")
DUE = START + 57 * DAY
END = START + 90 * DAY


def of(**facts: object) -> History:
    """The history of GENERATION."""
    return a_history(generation=GENERATION, **facts)


@dataclass(frozen=True)
class Row:
    """One fact, and the action, the reason, a part of the message and the `until` that a check gives; or nothing."""

    check: Check
    policy: Policy
    history: History
    now: datetime
    says: tuple[Action, Reason, str, datetime | None] | None


def older(says: bool, until: datetime | None = DUE + SECOND) -> tuple[Action, Reason, str, datetime | None] | None:
    """What a restored state is told."""
    message = f"the state holds {GENERATION}, but {NEWER} was published; neither rotating nor sweeping"
    return (Action.DEFER, Reason.STATE_IS_OLDER, message, until) if says else None


def unpublished(reason: Reason, until: datetime | None) -> tuple[Action, Reason, str, datetime | None]:
    """What a token whose current generation was never published is told."""
    message = f"a rotation is due ({reason}), but {GENERATION} is not published yet; repair its targets first"
    return Action.DEFER, Reason.PREVIOUS_UNPUBLISHED, message, until


LATE = Published(OLDER, START + 60 * DAY)
LIMIT = START + 57 * DAY  # the published end less the tolerated outage
AGED = "it is 25d old and is replaced every 25d"
ENDING = "it ends at 2026-04-01T12:00:00Z and it is replaced 33d before its end"
GONE = (Action.ROTATE, Reason.MISSING_AT_BACKEND, f"the backend does not have {GENERATION}", None)
REJECTED = (Action.ROTATE, Reason.REJECTED_BY_BACKEND, f"the backend refuses the value of {GENERATION}", None)
UNREACHABLE = "a rotation is due ({}), but the backend gives no answer: no route"
RENEWAL = (
    Action.RENEW,
    Reason.RENEWAL_DUE,
    "it ends at 2026-02-02T12:00:00Z and it is renewed 7d before its end",
    None,
)
USELESS = "a renewal is due, but the end at 2026-02-02T12:00:00Z is the backend's cap already"
FULL = (Action.DEFER, Reason.LEDGER_FULL, "16 superseded generations are not known dead", None)
LEASE = START + 32 * DAY
RENEW_AT = START + 25 * DAY

ROWS: dict[str, Row] = {
    "no published generation is newer": Row(checks.state_is_older, BY_END, of(), START, older(False)),
    "an older generation was published": Row(checks.state_is_older, BY_END, of(newest_seen=OLDER), START, older(False)),
    "another generation of the same second was published": Row(
        checks.state_is_older, BY_END, of(newest_seen=SAME_SECOND), START, older(False)
    ),
    "what was published is not ours": Row(checks.state_is_older, BY_END, of(newest_seen="x"), START, older(False)),
    "a newer generation was published": Row(checks.state_is_older, BY_END, of(newest_seen=NEWER), START, older(True)),
    "a newer one was published and is not yet due": Row(
        checks.state_is_older, BY_END, of(newest_seen=NEWER), DUE, older(True)
    ),
    "a newer one was published and is due": Row(
        checks.state_is_older, BY_END, of(newest_seen=NEWER), DUE + SECOND, older(False)
    ),
    "a newer one was published with a nearer end": Row(
        checks.state_is_older,
        BY_END,
        of(newest_seen=NEWER, published=Published(NEWER, START + 40 * DAY)),
        START + 7 * DAY - SECOND,
        older(True, START + 7 * DAY),
    ),
    "a newer one was published and its nearer end is due": Row(
        checks.state_is_older,
        BY_END,
        of(newest_seen=NEWER, published=Published(NEWER, START + 40 * DAY)),
        START + 7 * DAY,
        older(False),
    ),
    "fifteen superseded generations wait": Row(checks.ledger_full, BY_END, of(superseded=15), START, None),
    "sixteen superseded generations wait": Row(checks.ledger_full, BY_END, of(superseded=16), START, FULL),
    "the backend has it": Row(checks.missing_at_backend, BY_END, of(), START, None),
    "the backend does not have it": Row(checks.missing_at_backend, BY_END, of(missing=True), START, GONE),
    "its value works": Row(checks.rejected_by_backend, BY_END, of(), START, None),
    "its value is refused": Row(checks.rejected_by_backend, BY_END, of(rejected=True), START, REJECTED),
    "no emergency is called": Row(checks.emergency, BY_END, of(), START, None),
    "an emergency is called": Row(
        checks.emergency,
        BY_END,
        of(emergency=True),
        START,
        (Action.ROTATE, Reason.EMERGENCY, "every earlier generation ends with this run", None),
    ),
    "no rotation is forced": Row(checks.forced_by_operator, BY_END, of(), START, None),
    "a rotation is forced": Row(
        checks.forced_by_operator,
        BY_END,
        of(forced=True),
        START,
        (Action.ROTATE, Reason.FORCED_BY_OPERATOR, "a new force nonce stands in the config", None),
    ),
    "the spec stands": Row(checks.spec_changed, BY_END, of(), START, None),
    "the spec changed": Row(
        checks.spec_changed,
        BY_END,
        of(spec_changed=True),
        START,
        (Action.ROTATE, Reason.SPEC_CHANGED, "the token's spec in the config changed", None),
    ),
    "unpublished, and nothing is due": Row(holds.previous_unpublished, BY_END, of(published=LATE), DUE - SECOND, None),
    "due without any receipt": Row(holds.previous_unpublished, BY_END, of(), DUE, None),
    "due and published": Row(holds.previous_unpublished, BY_END, of(published=Published(GENERATION, END)), DUE, None),
    "due by its end, unpublished, consumers have days left": Row(
        holds.previous_unpublished,
        BY_END,
        of(published=Published(OLDER, START + 70 * DAY)),
        DUE,
        unpublished(Reason.NEARING_EXPIRY, START + 67 * DAY),
    ),
    "due by its age, unpublished, consumers have days left": Row(
        holds.previous_unpublished,
        BY_AGE,
        of(published=Published(OLDER, START + 70 * DAY)),
        DUE,
        unpublished(Reason.MAXIMUM_AGE, START + 67 * DAY),
    ),
    "due, unpublished, a second before consumers run dry": Row(
        holds.previous_unpublished,
        BY_AGE,
        of(published=LATE),
        LIMIT - SECOND,
        unpublished(Reason.MAXIMUM_AGE, LIMIT),
    ),
    "due, unpublished, and consumers would run dry": Row(
        holds.previous_unpublished, BY_AGE, of(published=LATE), LIMIT, None
    ),
    "due, unpublished, and the published end is unknown": Row(
        holds.previous_unpublished,
        BY_END,
        of(published=Published(OLDER, None)),
        DUE,
        unpublished(Reason.NEARING_EXPIRY, None),
    ),
    "unreachable, and nothing is due": Row(
        holds.backend_unreachable, BY_END, of(unreachable="no route"), DUE - SECOND, None
    ),
    "due, and reachable": Row(holds.backend_unreachable, BY_END, of(), DUE, None),
    "due by its end, and unreachable": Row(
        holds.backend_unreachable,
        BY_END,
        of(unreachable="no route"),
        DUE,
        (Action.DEFER, Reason.BACKEND_UNREACHABLE, UNREACHABLE.format("NearingExpiry"), None),
    ),
    "due by its age, and unreachable": Row(
        holds.backend_unreachable,
        BY_AGE,
        of(unreachable="no route"),
        RENEW_AT,
        (Action.DEFER, Reason.BACKEND_UNREACHABLE, UNREACHABLE.format("MaximumAge"), None),
    ),
    "a second younger than its age": Row(checks.maximum_age, BY_AGE, of(), RENEW_AT - SECOND, None),
    "exactly at its age": Row(
        checks.maximum_age, BY_AGE, of(), RENEW_AT, (Action.ROTATE, Reason.MAXIMUM_AGE, AGED, None)
    ),
    "past its age by a part of a second": Row(
        checks.maximum_age,
        BY_AGE,
        of(),
        RENEW_AT + timedelta(milliseconds=700),
        (Action.ROTATE, Reason.MAXIMUM_AGE, AGED, None),
    ),
    "no age is set": Row(checks.maximum_age, BY_END, of(), END, None),
    "a second before the end is near": Row(checks.nearing_expiry, BY_END, of(), DUE - SECOND, None),
    "exactly when the end is near": Row(
        checks.nearing_expiry, BY_END, of(), DUE, (Action.ROTATE, Reason.NEARING_EXPIRY, ENDING, None)
    ),
    "no distance from the end is set, and the overlap fits before it": Row(
        checks.nearing_expiry, BY_AGE, of(), END - 4 * DAY - SECOND, None
    ),
    "no distance from the end is set, and the overlap would be cut": Row(
        checks.nearing_expiry,
        BY_AGE,
        of(),
        END - 4 * DAY,
        (Action.ROTATE, Reason.NEARING_EXPIRY, "2026-04-01T12:00:00Z and it is replaced 4d before its end", None),
    ),
    "renewals move the end": Row(checks.nearing_expiry, RENEWED, of(renewable=True, expires=LEASE), LEASE, None),
    "the end is unknown, and renewals move it": Row(checks.nearing_expiry, RENEWED, of(cap=LEASE), LEASE, None),
    "a renewal did not move the end": Row(
        checks.nearing_expiry,
        RENEWED,
        of(renewable=True, expires=LEASE, renewed_end=LEASE),
        LEASE - 4 * DAY,
        (Action.ROTATE, Reason.NEARING_EXPIRY, "2026-02-02T12:00:00Z and it is replaced 4d before its end", None),
    ),
    "no renewal can move the end": Row(
        checks.nearing_expiry,
        RENEWED,
        of(renewable=True, expires=LEASE, cap=LEASE),
        LEASE - 4 * DAY - SECOND,
        None,
    ),
    "no renewal can move the end, and it is near": Row(
        checks.nearing_expiry,
        RENEWED,
        of(renewable=True, expires=LEASE, cap=LEASE),
        LEASE - 4 * DAY,
        (Action.ROTATE, Reason.NEARING_EXPIRY, "2026-02-02T12:00:00Z and it is replaced 4d before its end", None),
    ),
    "a renewal can still move the end": Row(
        checks.nearing_expiry, RENEWED, of(renewable=True, expires=LEASE, cap=LEASE + SECOND), LEASE, None
    ),
    "a nearer end was granted": Row(
        checks.nearing_expiry,
        BY_END,
        of(expires=START + 60 * DAY),
        START + 27 * DAY,
        (Action.ROTATE, Reason.NEARING_EXPIRY, "it ends at 2026-03-02T12:00:00Z", None),
    ),
    "a later end was granted than the policy wishes": Row(
        checks.nearing_expiry,
        BY_END,
        of(expires=START + 365 * DAY),
        DUE,
        (Action.ROTATE, Reason.NEARING_EXPIRY, ENDING, None),
    ),
    "a later end was granted by renewal": Row(
        checks.nearing_expiry, a_policy(renew_before="40d"), of(expires=START + 120 * DAY), DUE, None
    ),
    "a renewal is not yet due": Row(
        renewals.renewal_due, RENEWED, of(renewable=True, expires=LEASE), RENEW_AT - SECOND, None
    ),
    "a renewal is due": Row(renewals.renewal_due, RENEWED, of(renewable=True, expires=LEASE), RENEW_AT, RENEWAL),
    "a renewal is due by another policy than ours": Row(
        renewals.renewal_due, BY_AGE, of(renewable=True, expires=LEASE), RENEW_AT, None
    ),
    "a renewal is due at a backend that cannot": Row(
        renewals.renewal_due, RENEWED, of(renewable=False, expires=LEASE), RENEW_AT, None
    ),
    "a renewal is due and the end is unknown": Row(renewals.renewal_due, RENEWED, of(renewable=True), RENEW_AT, None),
    "a renewal is due and the backend is away": Row(
        renewals.renewal_due, RENEWED, of(renewable=True, expires=LEASE, unreachable="no route"), RENEW_AT, None
    ),
    "this end was renewed for already": Row(
        renewals.renewal_due, RENEWED, of(renewable=True, expires=LEASE, renewed_end=LEASE), RENEW_AT, None
    ),
    "an earlier end was renewed for": Row(
        renewals.renewal_due, RENEWED, of(renewable=True, expires=LEASE, renewed_end=LEASE - DAY), RENEW_AT, RENEWAL
    ),
    "a renewal would gain something": Row(
        renewals.renewal_gains_nothing,
        RENEWED,
        of(renewable=True, expires=LEASE, cap=LEASE + SECOND),
        RENEW_AT,
        None,
    ),
    "a renewal would gain nothing": Row(
        renewals.renewal_gains_nothing,
        RENEWED,
        of(renewable=True, expires=LEASE, cap=LEASE),
        RENEW_AT,
        (Action.KEEP, Reason.RENEWAL_GAINS_NOTHING, USELESS, RENEW_AT),
    ),
    "a useless renewal is not yet due": Row(
        renewals.renewal_gains_nothing,
        RENEWED,
        of(renewable=True, expires=LEASE, cap=LEASE),
        RENEW_AT - SECOND,
        None,
    ),
    "the cap is unknown": Row(
        renewals.renewal_gains_nothing, RENEWED, of(renewable=True, expires=LEASE), RENEW_AT, None
    ),
}
