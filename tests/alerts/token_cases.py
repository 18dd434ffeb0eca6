"""Cases of the alerts on a token's own instants: its end, its rotation, and the end of what it superseded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tests.alerts.case import GRACE, MINUTE, NOW, WELL, Case, aged, due_since, ends_in, labels_of
from tests.alerts.promtool import FOREVER
from tests.alerts.stack import DAY, HOUR
from tests.alerts.world import World


def of_tokens() -> Iterator[Case]:
    """All of them."""
    yield from _expiring()
    yield from _overdue()
    yield from _retiring()


def _expiring() -> Iterator[Case]:
    """A run late is one interval and the grace after the rotation fell due."""
    late, on_time = DAY + GRACE + MINUTE, DAY + GRACE - MINUTE
    for rule, token, days in (
        ("AuthentikTokenExpiring {} 60d", "admin", 60),
        ("AuthentikTokenExpiring {} 30d", "admin", 30),
        ("VaultTokenExpiringSoon {} 3d", "root", 3),
        ("TokenExpiring {} 20d", "team", 20),
        ("CoderTokenExpiringSoon {} 7d", "coder", 7),
        ("OperatorTokenExpiringSoon {} 10d", "blue", 10),
        ("OperatorTokenExpiringSoon {} 7d", "blue", 7),
    ):
        severe, labels = "critical" if (token, days) in {("root", 3), ("blue", 7)} else "warning", labels_of(token)
        labels = {"token": token} if token == "root" else labels
        near = ends_in(WELL, token, timedelta(days=days - 0.5))
        far = ends_in(WELL, token, timedelta(days=days + 0.5))
        said = f"{token} expires in {days - 0.5:.1f} days; its rotation is "
        alert, told = rule.format(severe), rule.format("info")
        yield Case(alert, due_since(near, token, late), summary=said + "a run late", labels=labels)
        yield Case(alert, due_since(near, token, on_time))
        yield Case(alert, due_since(far, token, late))
        yield Case(told, due_since(near, token, on_time), summary=said + "due and on time", labels=labels)
        yield Case(told, due_since(near, token, late))
        yield Case(told, due_since(far, token, on_time))
    unknown = ends_in(WELL, "admin", 29.5 * DAY).without("token_rotation_rotates_timestamp_seconds", token="admin")
    said = "admin expires in 29.5 days; its rotation is a run late"
    yield Case("AuthentikTokenExpiring warning 30d", unknown, summary=said, labels=labels_of("admin"))
    short = ends_in(WELL, "owner", 6.5 * DAY)  # as of its first half day on
    yield Case("CoderTokenExpiringSoon info 7d", due_since(short, "owner", on_time))
    said = "owner expires in 6.5 days; its rotation is a run late"
    alert = "CoderTokenExpiringSoon warning 7d"
    yield Case(alert, due_since(short, "owner", late), summary=said, labels=labels_of("owner"))
    yield Case(alert, due_since(short, "owner", on_time))
    ended = ends_in(WELL, "team", timedelta(0))
    yield Case("TokenExpired critical", ended, summary="team has expired", labels=labels_of("team"))
    yield Case("TokenExpired critical", ends_in(WELL, "team", MINUTE))


def _overdue() -> Iterator[Case]:
    late, on_time = DAY + GRACE + MINUTE, DAY + GRACE - MINUTE
    rule = "VaultTokenRotationOverdue warning 30d"
    old = due_since(aged(WELL, "root", 31.5 * DAY), "root", 6 * DAY)
    said = "The rotation of root is overdue by 1.5 days"
    yield Case(rule, old, summary=said, labels={"token": "root"})
    yield Case(rule, due_since(aged(WELL, "root", 30 * DAY - MINUTE), "root", 6 * DAY))
    yield Case(rule, old.tells("vault_token_auto_rotate", 0, token="root"))
    yield Case(rule, due_since(old, "root", on_time))
    rule, said = "TokenRotationOverdue warning", "The rotation of admin was to have begun 1m 0s ago"
    yield Case(rule, due_since(WELL, "admin", late), summary=said, labels=labels_of("admin"))
    yield Case(rule, due_since(WELL, "admin", on_time))
    yield Case(rule, due_since(WELL, "admin", late).of("admin", "auto_rotate", 0))


def _retiring() -> Iterator[Case]:
    def since(length: timedelta) -> World:
        deadline = (NOW - length).total_seconds()
        return WELL.of("admin", "retires_timestamp_seconds", deadline, generation="g1")

    rule, said = "TokenRetirementOverdue warning", "A superseded generation of admin is alive after its deadline"
    alive = since(HOUR + GRACE + MINUTE)
    yield Case(rule, alive, summary=said, labels={**labels_of("admin"), "generation": "g1"})
    yield Case(rule, since(HOUR + GRACE - MINUTE))
    yield Case(rule, alive.of("admin", "condition", 1, condition="WaitingForEvidence"))
    rule, said = "TokenRevocationFailing warning", "A superseded generation of root cannot be revoked"
    failing = WELL.of("root", "revocation_failures_total", f"7+0x20 8+0{FOREVER}")
    yield Case(rule, failing, summary=said, labels=labels_of("root"))
    yield Case(rule, WELL.of("root", "revocation_failures_total", f"7+0x5 8+0{FOREVER}"))
