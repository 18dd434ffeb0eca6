"""Which connections are let through: in, only scrapes; out, only DNS, the API server and the backends."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from components.schedule.pods import labels
from components.schedule.settings import Job, Manifest, Peer, ScheduleSettings

_PART = {"app.kubernetes.io/part-of": "token-rotation"}
_NAMESPACE = "kubernetes.io/metadata.name"
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SERVICE_LABELS = 3  # name.namespace.svc


def network_policies(settings: ScheduleSettings, urls: Iterable[str]) -> list[Manifest]:
    """The NetworkPolicies of the jobs and the exporter; nothing where they are switched off."""
    if not settings.network.enabled:
        return []
    every = {"matchLabels": _PART}
    policies = [
        _policy(settings, "default-deny", every, {"policyTypes": ["Ingress", "Egress"]}),
        _policy(settings, "api-server", every, {"policyTypes": ["Egress"], "egress": _for_everyone(settings)}),
        _policy(settings, "backends", _jobs(), {"policyTypes": ["Egress"], "egress": _for_jobs(settings, urls)}),
    ]
    return policies + ([_scrapes(settings)] if settings.exporter.enabled else [])


def peer_of(url: str) -> Peer:
    """Who answers at a url: its port, or the namespace where the host is a Service of the cluster.

    There any port is let through: a policy sees the pod's, and the url has the Service's.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").split(".")
    if len(host) >= _SERVICE_LABELS and host[2] == "svc":
        return Peer(ports=(), namespace=host[1])
    return Peer(ports=(parts.port or _DEFAULT_PORTS[parts.scheme],))


def _policy(settings: ScheduleSettings, name: str, pods: Manifest, spec: Manifest) -> Manifest:
    metadata = {"namespace": settings.namespace, "name": f"token-rotation-{name}", "labels": labels(Job.RUN)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": pods, **spec},
    }


def _jobs() -> Manifest:
    names = [job.value for job in (Job.RUN, Job.VALIDATION, Job.RETIREMENT)]
    return {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": names}]}


def _for_everyone(settings: ScheduleSettings) -> list[Manifest]:
    dns = {
        "to": [{"namespaceSelector": {"matchLabels": {_NAMESPACE: settings.network.dns}}}],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    return [dns, _egress(settings.network.api_server)]


def _for_jobs(settings: ScheduleSettings, urls: Iterable[str]) -> list[Manifest]:
    peers = dict.fromkeys((*map(peer_of, sorted(set(urls))), *settings.network.more))
    return [_egress(peer) for peer in peers]


def _egress(peer: Peer) -> Manifest:
    allowed: Manifest = {"ports": [{"protocol": "TCP", "port": port} for port in peer.ports]} if peer.ports else {}
    to: list[Manifest] = [{"ipBlock": {"cidr": cidr}} for cidr in peer.cidrs]
    if peer.namespace:
        to.append({"namespaceSelector": {"matchLabels": {_NAMESPACE: peer.namespace}}})
    return {**allowed, "to": to} if to else allowed


def _scrapes(settings: ScheduleSettings) -> Manifest:
    scrapers = {"namespaceSelector": {"matchLabels": {_NAMESPACE: settings.network.scrapers}}}
    ingress = [{"from": [scrapers], "ports": [{"protocol": "TCP", "port": settings.exporter.port}]}]
    selector = {"matchLabels": {"app.kubernetes.io/name": Job.EXPORTER.value}}
    return _policy(settings, "scrapes", selector, {"policyTypes": ["Ingress"], "ingress": ingress})
