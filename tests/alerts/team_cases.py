"""Cases of the alerts on an operator's teams and on Coder's templates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tests.alerts.case import GRACE, MINUTE, NOW, WELL, Case
from tests.alerts.promtool import FOREVER
from tests.alerts.stack import DAY, OPERATOR
from tests.alerts.world import World


def of_teams() -> Iterator[Case]:
    """All of them."""
    yield from _ending()
    yield from _degraded()
    yield from _orphaned()
    yield from _refused()
    yield from _unread()


def of_templates() -> Iterator[Case]:
    """All of them."""
    rule, said = "CoderTemplateFailed warning", "The template workspace was not deployed"
    failed = WELL.tells("token_rotation_template_failed", 1, template="workspace")
    yield Case(rule, failed, summary=said, labels={"template": "workspace"})
    yield Case(rule, failed.tells("token_rotation_template_failed", f"1+0x20 0+0{FOREVER}", template="workspace"))


def _ending() -> Iterator[Case]:
    """Of a namespace that no config knows. A run late is one interval and the grace after ten days before the end."""
    assert OPERATOR.rotate_before == 10 * DAY
    late, critical = 10 * DAY - DAY - GRACE, OPERATOR.overlap

    def left(length: timedelta, namespace: str = "green", **scraped: str) -> World:
        end = (NOW + length).total_seconds()
        named = {"namespace": namespace, "secret_name": f"{namespace}-operator-token"}
        return WELL.tells("keycloak_operator_token_expires_timestamp", end, **named, **scraped)

    labels = {"namespace": "green", "secret_name": "green-operator-token"}
    said, rule = "The token of green expires in {:.1f} days; its rotation is ", "OperatorTokenExpiringSoon {} admission"
    for alert, length, told in (
        ("info 10d", 10 * DAY - MINUTE, "due and on time"),
        ("info 10d", late + MINUTE, "due and on time"),
        ("warning 10d", late - MINUTE, "a run late"),
        ("critical 7d", critical - MINUTE, "a run late"),
        ("critical 7d", -DAY, "a run late"),
    ):
        yield Case(rule.format(alert), left(length), summary=said.format(length / DAY) + told, labels=labels)
    for alert, length in (
        ("info 10d", 10 * DAY + MINUTE),
        ("info 10d", late - MINUTE),
        ("warning 10d", late + MINUTE),
        ("critical 7d", critical + MINUTE),
    ):
        yield Case(rule.format(alert), left(length))
    yield Case(rule.format("critical 7d"), left(DAY, "blue"))  # the stack declares it
    yield Case(rule.format("critical 7d"), left(DAY, job="another", instance="exporter-of-another-stack:9464"))


def _degraded() -> Iterator[Case]:
    status, rule = "token_rotation_operator_status", "OperatorNamespaceDegraded {}"
    for severity, reason, elsewhere in (
        ("warning", "SecretMissing", "Orphaned"),
        ("warning", "NothingAccepted", "NotBootstrapped"),
        ("info", "NotBootstrapped", "SecretDiffers"),
    ):
        degraded = {"namespace": "green", "status": "Degraded"}
        told = WELL.without(status, namespace="green").tells(status, 1, **degraded, reason=reason)
        labels = {"namespace": "green", "reason": reason}
        yield Case(rule.format(severity), told, summary=f"green is Degraded: {reason}", labels=labels)
        yield Case(rule.format(severity), told, timedelta(0))
        yield Case(rule.format(severity), WELL.tells(status, 1, **degraded, reason=elsewhere))
        yield Case(rule.format(severity), WELL.tells(status, 1, **degraded, reason=reason, instance="another:9464"))
    yield Case(rule.format("warning"), WELL.tells(status, 1, namespace="green", status="Revoked", reason="TeamRevoked"))


def _orphaned() -> Iterator[Case]:
    rule, said = "OperatorTokenOrphaned warning", "An operational token of green is an orphan"
    orphaned = WELL.tells("token_rotation_operator_orphaned", 1, namespace="green")
    yield Case(rule, orphaned, summary=said, labels={"namespace": "green"})
    yield Case(rule, WELL.tells("token_rotation_operator_orphaned", 1, namespace="green", job="another"))


def _unread() -> Iterator[Case]:
    up = "token_rotation_operator_records_up"
    rule, said = "TokenReceiptStale warning records", "The records of the operator's teams cannot be read"
    yield Case(rule, WELL.tells(up, 0), summary=said)
    yield Case(rule, WELL.without(up), summary=said)
    yield Case(rule, WELL.without(up), timedelta(0))
    yield Case(rule, WELL.without(up).tells("token_rotation_receipts_up", 0))


def _refused() -> Iterator[Case]:
    """Three in each quarter are twelve in an hour. The operator's scrape may have renamed its label."""
    refused, rule = "keycloak_operator_authorization_failures_total", "OperatorAuthorizationFailures warning"
    of_team, said = {"namespace": "green", "reason": "revoked"}, "green: 12 tokens refused in an hour as revoked"
    yield Case(rule, WELL.tells(refused, f"0+3{FOREVER}", **of_team), summary=said, labels=of_team)
    renamed = {"namespace": "keycloak-system", "exported_namespace": "green", "reason": "revoked"}
    yield Case(rule, WELL.tells(refused, f"0+3{FOREVER}", **renamed), summary=said, labels=renamed)
    yield Case(rule, WELL.tells(refused, f"0+2{FOREVER}", **of_team))
    born = WELL.tells(refused, f"_x22 12+0{FOREVER}", **of_team)  # a series that begins with a burst, an hour ago
    yield Case(rule, born, summary=said, labels=of_team)
    yield Case(rule, WELL.tells(refused, f"12+0{FOREVER}", **of_team))
    two = WELL.tells(refused, f"0+2{FOREVER}", **of_team)
    yield Case(rule, two.tells(refused, f"0+2{FOREVER}", namespace="green", reason="unknown"))
