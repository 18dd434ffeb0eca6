"""Refusals as Prometheus reads them, in the process that verifies: nobody else sees them."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from rotation.verify.verdict import Reason


class PrometheusFailures:
    """Two counters in a registry, which one process makes once.

    There are at most as many series as there are records times reasons, and those of `unknown`, for all namespaces that
    have no record.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._refused = Counter(
            "keycloak_operator_authorization_failures",
            "Tokens that were refused, by the namespace they were presented for and the reason.",
            ("namespace", "reason"),
            registry=registry,
        )
        self._unreadable = Counter(
            "keycloak_operator_token_records_unreadable",
            "Readings of a namespace's token record that failed; the record before stays in use.",
            ("namespace",),
            registry=registry,
        )

    def refused(self, namespace: str, reason: Reason) -> None:
        """Count a refusal."""
        self._refused.labels(namespace, reason.value).inc()

    def unreadable(self, namespace: str) -> None:
        """Count a record that could not be read."""
        self._unreadable.labels(namespace).inc()
