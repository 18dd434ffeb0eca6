"""The table of what waits for a Deployment or for a person, and of what a person pauses by an annotation."""

from __future__ import annotations

from datetime import datetime

from rotation import holds, renewals
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START
from tests.policy.check_rows import BY_END, DUE, LEASE, RENEW_AT, RENEWED, Row, of
from tests.policy.hold_rows import DIES, PLACE, SPARE, WAITS

LACKS = "the Deployment a/b that it depends on has 0 of 1 replicas ready"


def waiting(reason: Reason) -> tuple[Action, Reason, str, datetime | None]:
    """What a token is told of which something that it depends on is not ready."""
    return Action.DEFER, Reason.WAITING_FOR_DEPENDENCY, f"a mint is due ({reason}), but {LACKS}", WAITS


NO_TOKEN = "no token was given yet; a person has to give one"
NEEDED = (Action.DEFER, Reason.BOOTSTRAP_NEEDED, NO_TOKEN, None)

ROWS: dict[str, Row] = {
    "its backend takes our credential": Row(holds.waiting_for_bootstrap, BY_END, of(forced=True), DUE, None),
    "a person has to give a credential, and nothing is due": Row(
        holds.waiting_for_bootstrap, BY_END, of(bootstrap=NO_TOKEN), START, NEEDED
    ),
    "a person has to give a credential, in an emergency": Row(
        holds.waiting_for_bootstrap, BY_END, of(bootstrap=NO_TOKEN, emergency=True), DUE, NEEDED
    ),
    "a person has to give a credential, and it has ended": Row(
        holds.waiting_for_bootstrap, BY_END, of(bootstrap=NO_TOKEN, missing=True), DUE + 365 * DAY, NEEDED
    ),
    "everything that it depends on is ready": Row(holds.waiting_for_dependency, BY_END, of(forced=True), START, None),
    "something is not ready, and nothing is due": Row(
        holds.waiting_for_dependency, SPARE, of(dependency=LACKS), DUE - SECOND, None
    ),
    "something is not ready, and it is due": Row(
        holds.waiting_for_dependency, SPARE, of(dependency=LACKS), DUE, waiting(Reason.NEARING_EXPIRY)
    ),
    "something is not ready, and it is forced": Row(
        holds.waiting_for_dependency,
        SPARE,
        of(dependency=LACKS, forced=True),
        START,
        waiting(Reason.FORCED_BY_OPERATOR),
    ),
    "something is not ready, and it is missing": Row(
        holds.waiting_for_dependency,
        SPARE,
        of(dependency=LACKS, missing=True),
        START,
        waiting(Reason.MISSING_AT_BACKEND),
    ),
    "something is not ready in an emergency": Row(
        holds.waiting_for_dependency, SPARE, of(dependency=LACKS, emergency=True), START, None
    ),
    "something is not ready before the latest start": Row(
        holds.waiting_for_dependency,
        SPARE,
        of(dependency=LACKS),
        WAITS - SECOND,
        waiting(Reason.NEARING_EXPIRY),
    ),
    "something is not ready at the latest start": Row(
        holds.waiting_for_dependency, SPARE, of(dependency=LACKS), WAITS, None
    ),
    "no annotation pauses it, and it is due": Row(holds.paused_at_its_place, BY_END, of(), DUE, None),
    "an annotation pauses it, and nothing is due": Row(
        holds.paused_at_its_place, BY_END, of(unrotated=PLACE), DUE - SECOND, None
    ),
    "an annotation pauses it, and it is forced": Row(
        holds.paused_at_its_place, BY_END, of(unrotated=PLACE, forced=True), START, None
    ),
    "an annotation pauses it, and it is due": Row(
        holds.paused_at_its_place,
        BY_END,
        of(unrotated=PLACE),
        DUE,
        (
            Action.DEFER,
            Reason.PAUSED,
            f"a rotation is due (NearingExpiry), but the annotation auto-rotate at {PLACE} is false; {DIES}",
            None,
        ),
    ),
    "an annotation pauses renewals, and none is due": Row(
        renewals.paused_at_its_place,
        RENEWED,
        of(renewable=True, expires=LEASE, unrenewed="a/b"),
        RENEW_AT - SECOND,
        None,
    ),
    "no annotation pauses renewals": Row(
        renewals.paused_at_its_place, RENEWED, of(renewable=True, expires=LEASE), RENEW_AT, None
    ),
    "an annotation pauses renewals, and one is due": Row(
        renewals.paused_at_its_place,
        RENEWED,
        of(renewable=True, expires=LEASE, unrenewed="a/b"),
        RENEW_AT,
        (
            Action.KEEP,
            Reason.PAUSED,
            "a renewal is due, but the annotation auto-renew at a/b is false",
            RENEW_AT,
        ),
    ),
}
