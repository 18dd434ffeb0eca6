"""The counters as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from rotation.testing.builders import HandClock
from rotation.testing.secrecy import reveals
from rotation.verify import Verifier
from rotation.verify.prometheus import PrometheusFailures
from tests.verify.teams import CASES


def test_refusals_are_exported_by_namespace_and_reason() -> None:
    """Each refusal is one more under its reason, with the names that the alerts are written for; no value is there."""
    registry = CollectorRegistry()
    failures = PrometheusFailures(registry)
    refused, values = set(), []
    for make in CASES.values():
        case = make()
        verifier = Verifier(HandClock(case.now), failures)
        verdict = case.shown_to(verifier)
        values += [case.value] if isinstance(case.value, str) and case.value.isprintable() and case.value else []
        refused |= set() if verdict else {case.reason.value}
    Verifier(HandClock(), failures).check("made-up", "x")
    failures.unreadable("team-a")
    text = generate_latest(registry).decode()
    name = "keycloak_operator_authorization_failures_total"
    for reason in refused:
        assert f'{name}{{namespace="team-a",reason="{reason}"}}' in text
    assert f'{name}{{namespace="team-a",reason="revoked"}} 1.0' in text
    assert f'{name}{{namespace="unknown",reason="malformed"}} 1.0' in text
    assert 'keycloak_operator_token_records_unreadable_total{namespace="team-a"} 1.0' in text
    assert "made-up" not in text
    assert "accepted" not in text
    assert not [value for value in values if reveals(text, value)]
