"""The table of what makes a rotation wait, and of what takes an existing value instead of minting one."""

from __future__ import annotations

from rotation import checks, holds
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START, a_generation, a_policy
from tests.policy.check_rows import BY_AGE, BY_END, DUE, END, GENERATION, LEASE, RENEW_AT, RENEWED, Row, of

FORMER = a_generation(START - 30 * DAY)
PLACE = "authentik/admin"
NIGHTLY = a_policy(lifetime="95d", windows=[{"from": "22:00", "to": "04:00"}], rotate_before="38d")  # due at day 57
LATEST = START + 57 * DAY  # of BY_END: nothing to spare
WAITS = START + 62 * DAY  # of NIGHTLY: five days to spare
OPENS = START.replace(hour=22)
BLACK = a_policy(
    lifetime="95d", rotate_before="38d", blackouts=[{"from": "2026-02-20", "to": "2026-02-28"}], time_zone="Asia/Tokyo"
)
LONG_BLACK = a_policy(lifetime="95d", rotate_before="38d", blackouts=[{"from": "2026-02-20", "to": "2026-12-31"}])
SPARE = a_policy(lifetime="95d", rotate_before="38d")
ROLLS_BACK = f"a new rollback nonce stands in the config; {FORMER} becomes current again"
FALLS_BACK = f"the backend refuses the value of {GENERATION}; {FORMER} becomes current again"
ADOPTS = f"{PLACE} holds a working value of the same owner, put there by hand; it becomes current"
NOTHING_LEFT = "no earlier generation works any more; take the nonce back, or set a new force nonce"
HELD_BACK = "the last one was rolled back; it waits for a new force nonce, or until 2026-03-04T12:00:00Z"
NO_TURN = "this run's limit is used up by other tokens; its turn comes, at the latest at 2026-03-04T12:00:00Z"
DIES = "the token dies at 2026-04-01T12:00:00Z"


def paused(reason: Reason, fate: str = DIES) -> tuple[Action, Reason, str, None]:
    """What a paused token is told that would be minted."""
    return Action.DEFER, Reason.PAUSED, f"a mint is due ({reason}), but minting is paused; {fate}", None


ROWS: dict[str, Row] = {
    "nothing is to be adopted": Row(checks.adoptable, BY_END, of(), START, None),
    "a place holds a working value": Row(
        checks.adoptable, BY_END, of(adoptable=PLACE), START, (Action.ADOPT, Reason.ADOPTED, ADOPTS, None)
    ),
    "no rollback is asked for": Row(checks.rollback_requested, BY_END, of(fallback=FORMER), START, None),
    "a rollback is asked for": Row(
        checks.rollback_requested,
        BY_END,
        of(rollback=True, fallback=FORMER),
        START,
        (Action.ROLL_BACK, Reason.ROLLBACK_REQUESTED, ROLLS_BACK, None),
    ),
    "a rollback is asked for, and there is nothing": Row(
        checks.rollback_requested, BY_END, of(rollback=True), START, None
    ),
    "a rollback is asked for in an emergency": Row(
        checks.rollback_requested, BY_END, of(rollback=True, fallback=FORMER, emergency=True), START, None
    ),
    "nothing to roll back to, and none is asked for": Row(holds.nothing_to_roll_back_to, BY_END, of(), START, None),
    "nothing to roll back to": Row(
        holds.nothing_to_roll_back_to,
        BY_END,
        of(rollback=True),
        LATEST - SECOND,
        (Action.DEFER, Reason.NOTHING_TO_ROLL_BACK_TO, NOTHING_LEFT, LATEST),
    ),
    "nothing to roll back to at the latest start": Row(
        holds.nothing_to_roll_back_to, BY_END, of(rollback=True), LATEST, None
    ),
    "there is something to roll back to": Row(
        holds.nothing_to_roll_back_to, BY_END, of(rollback=True, fallback=FORMER), START, None
    ),
    "its value is refused, and the one before works": Row(
        checks.rejected_with_fallback,
        BY_END,
        of(rejected=True, fallback=FORMER),
        START,
        (Action.ROLL_BACK, Reason.ROLLED_BACK, FALLS_BACK, None),
    ),
    "its value is refused, and there is no one before": Row(
        checks.rejected_with_fallback, BY_END, of(rejected=True), START, None
    ),
    "its value works, and so does the one before": Row(
        checks.rejected_with_fallback, BY_END, of(fallback=FORMER), START, None
    ),
    "its value is refused in an emergency": Row(
        checks.rejected_with_fallback, BY_END, of(rejected=True, fallback=FORMER, emergency=True), START, None
    ),
    "not paused, and due": Row(holds.paused, BY_END, of(), DUE, None),
    "paused, and nothing is due": Row(holds.paused, BY_END, of(paused=True), DUE - SECOND, None),
    "paused, and due by its end": Row(holds.paused, BY_END, of(paused=True), DUE, paused(Reason.NEARING_EXPIRY)),
    "paused, and due by its age": Row(holds.paused, BY_AGE, of(paused=True), RENEW_AT, paused(Reason.MAXIMUM_AGE)),
    "paused and forced": Row(
        holds.paused, BY_END, of(paused=True, forced=True), START, paused(Reason.FORCED_BY_OPERATOR)
    ),
    "paused in an emergency": Row(
        holds.paused, BY_END, of(paused=True, emergency=True), START, paused(Reason.EMERGENCY)
    ),
    "paused with another spec": Row(
        holds.paused, BY_END, of(paused=True, spec_changed=True), START, paused(Reason.SPEC_CHANGED)
    ),
    "paused and missing": Row(
        holds.paused,
        BY_END,
        of(paused=True, missing=True),
        START,
        paused(Reason.MISSING_AT_BACKEND, "the token does not work any more"),
    ),
    "paused and refused": Row(
        holds.paused,
        BY_END,
        of(paused=True, rejected=True),
        START,
        paused(Reason.REJECTED_BY_BACKEND, "the token does not work any more"),
    ),
    "paused a second before its end": Row(
        holds.paused, BY_END, of(paused=True), END - SECOND, paused(Reason.NEARING_EXPIRY)
    ),
    "paused to its end": Row(
        holds.paused,
        BY_END,
        of(paused=True),
        END,
        paused(Reason.NEARING_EXPIRY, "the token died at 2026-04-01T12:00:00Z"),
    ),
    "paused with a nearer end": Row(
        holds.paused,
        BY_END,
        of(paused=True, expires=START + 58 * DAY),
        DUE,
        paused(Reason.NEARING_EXPIRY, "the token dies at 2026-02-28T12:00:00Z"),
    ),
    "paused, and renewed up to its cap": Row(
        holds.paused,
        RENEWED,
        of(paused=True, forced=True, renewable=True, expires=LEASE, cap=END),
        START,
        paused(Reason.FORCED_BY_OPERATOR),
    ),
    "paused, and renewed without a known cap": Row(
        holds.paused,
        RENEWED,
        of(paused=True, forced=True, renewable=True, expires=END),
        START,
        paused(Reason.FORCED_BY_OPERATOR),
    ),
    "paused beyond the cap that we know of": Row(
        holds.paused,
        RENEWED,
        of(paused=True, forced=True, renewable=True, expires=END, cap=LEASE),
        START,
        paused(Reason.FORCED_BY_OPERATOR),
    ),
    "paused, and not renewed by a policy": Row(
        holds.paused,
        BY_AGE,
        of(paused=True, forced=True, renewable=True, expires=END, cap=END + DAY),
        START,
        paused(Reason.FORCED_BY_OPERATOR),
    ),
    "paused, and not renewed by a backend": Row(
        holds.paused,
        RENEWED,
        of(paused=True, forced=True, expires=END, cap=END + DAY),
        START,
        paused(Reason.FORCED_BY_OPERATOR),
    ),
    "rolled back, and nothing is due": Row(holds.rolled_back, SPARE, of(rolled_back=True), DUE - SECOND, None),
    "due, and not rolled back": Row(holds.rolled_back, SPARE, of(), DUE, None),
    "rolled back, and due": Row(
        holds.rolled_back,
        SPARE,
        of(rolled_back=True),
        DUE,
        (
            Action.DEFER,
            Reason.ROLLED_BACK,
            f"a rotation is due, but {HELD_BACK}",
            WAITS,
        ),
    ),
    "rolled back, and it is the latest start": Row(holds.rolled_back, SPARE, of(rolled_back=True), WAITS, None),
    "no window is open, and nothing is due": Row(holds.outside_window, NIGHTLY, of(), DUE - SECOND, None),
    "due at noon, and a window opens at night": Row(
        holds.outside_window,
        NIGHTLY,
        of(),
        DUE,
        (
            Action.DEFER,
            Reason.OUTSIDE_WINDOW,
            "a rotation is due, but no window is open; it begins at 2026-02-27T22:00:00Z",
            OPENS + 57 * DAY,
        ),
    ),
    "due, and a window is open": Row(holds.outside_window, NIGHTLY, of(), OPENS + 57 * DAY, None),
    "due, and any time will do": Row(holds.outside_window, SPARE, of(), DUE, None),
    "due at noon, and the latest start is before the window": Row(
        holds.outside_window,
        NIGHTLY,
        of(),
        WAITS - SECOND,
        (
            Action.DEFER,
            Reason.OUTSIDE_WINDOW,
            "a rotation is due, but no window is open; it begins at 2026-03-04T12:00:00Z",
            WAITS,
        ),
    ),
    "due at noon, and it is the latest start": Row(holds.outside_window, NIGHTLY, of(), WAITS, None),
    "due on a day that is blacked out in Tokyo": Row(
        holds.outside_window,
        BLACK,
        of(),
        DUE,
        (
            Action.DEFER,
            Reason.OUTSIDE_WINDOW,
            "a rotation is due, but no window is open; it begins at 2026-02-28T15:00:00Z",
            START.replace(hour=15) + 58 * DAY,
        ),
    ),
    "blacked out beyond the latest start": Row(
        holds.outside_window,
        LONG_BLACK,
        of(),
        DUE,
        (
            Action.DEFER,
            Reason.OUTSIDE_WINDOW,
            "a rotation is due, but no window is open; it begins at 2026-03-04T12:00:00Z",
            WAITS,
        ),
    ),
    "due, with a turn": Row(holds.rotation_limit, SPARE, of(), DUE, None),
    "without a turn, and nothing is due": Row(holds.rotation_limit, SPARE, of(slot=False), DUE - SECOND, None),
    "due, without a turn": Row(
        holds.rotation_limit,
        SPARE,
        of(slot=False),
        DUE,
        (
            Action.DEFER,
            Reason.ROTATION_LIMIT,
            f"a rotation is due, but {NO_TURN}",
            WAITS,
        ),
    ),
    "without a turn, and it is the latest start": Row(holds.rotation_limit, SPARE, of(slot=False), WAITS, None),
}
"""Each row: one fact, and what one check says of it."""
for fact in ("emergency", "forced", "missing", "rejected"):
    ROWS[f"nothing to roll back to, and {fact}"] = Row(
        holds.nothing_to_roll_back_to, BY_END, of(rollback=True, **{fact: True}), START, None
    )
