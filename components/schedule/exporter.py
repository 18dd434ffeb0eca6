"""The exporter: one pod that shows receipts and run records to Prometheus, its Service and its ServiceMonitor."""

from __future__ import annotations

from components.schedule.jobs import Places
from components.schedule.pods import labels, pod
from components.schedule.settings import Job, Manifest, ScheduleSettings
from rotation.durations import format_duration

_SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


def exporter(settings: ScheduleSettings, places: Places) -> list[Manifest]:
    """Deployment, Service and ServiceMonitor; nothing where it is switched off."""
    if not settings.exporter.enabled:
        return []
    monitors = [_service_monitor(settings)] if settings.exporter.service_monitor else []
    return [_deployment(settings, places), _service(settings), *monitors]


def _metadata(settings: ScheduleSettings) -> Manifest:
    made: Manifest = {"namespace": settings.namespace, "name": Job.EXPORTER.value, "labels": labels(Job.EXPORTER)}
    return made if settings.await_ready else {**made, "annotations": _SKIP_AWAIT}


def _selector() -> dict[str, str]:
    return {"app.kubernetes.io/name": Job.EXPORTER.value}


def _deployment(settings: ScheduleSettings, places: Places) -> Manifest:
    port = settings.exporter.port
    told = {"TOKEN_ROTATION_RECEIPTS": "/".join(places.receipts)}
    told |= {"TOKEN_ROTATION_RECORDS": "/".join(places.records)} if places.records else {}
    template = pod(settings, Job.EXPORTER, ["exporter", "--port", str(port)], told)
    (container,) = template["spec"]["containers"]
    health = {"httpGet": {"path": "/healthz", "port": "metrics"}}
    container |= {"ports": [{"name": "metrics", "containerPort": port}], "readinessProbe": health}
    container["livenessProbe"] = {**health, "periodSeconds": 30, "failureThreshold": 5}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(settings),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # two of them would show each token twice
            "selector": {"matchLabels": _selector()},
            "template": template,
        },
    }


def _service(settings: ScheduleSettings) -> Manifest:
    ports = [{"name": "metrics", "port": settings.exporter.port, "targetPort": "metrics"}]
    spec = {"selector": _selector(), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(settings), "spec": spec}


def _service_monitor(settings: ScheduleSettings) -> Manifest:
    metadata = {**_metadata(settings), "labels": {**labels(Job.EXPORTER), **settings.exporter.labels}}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": _selector()},
            "endpoints": [
                # The labels of receipts are true ones: `namespace` is a published place, not that of the exporter.
                {"port": "metrics", "interval": format_duration(settings.exporter.interval), "honorLabels": True}
            ],
        },
    }
