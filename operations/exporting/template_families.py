"""The metrics of Coder's templates: what their records count, and the instants and sizes of the last deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from rotation.templates.record import TemplateRecord

PREFIX = "token_rotation_template_"
_COUNTS: dict[str, tuple[str, Callable[[TemplateRecord], int]]] = {
    "deployments": ("Versions that were made active", lambda record: record.deployments),
    "failures": ("Attempts that failed", lambda record: record.failures),
}
_GAUGES: dict[str, tuple[str, Callable[[TemplateRecord], float]]] = {
    "job_seconds": ("How long the server took to build the last new version", lambda record: record.job_seconds),
    "files": ("The files of the last new version", lambda record: record.files),
    "bytes": ("The bytes of the last new version", lambda record: record.bytes),
    "failed": ("1 while the last attempt failed, else 0", lambda record: bool(record.error)),
}


def of_templates(templates: Mapping[str, TemplateRecord]) -> Iterator[Metric]:
    """Every family that these records fill."""
    for name, (text, count) in _COUNTS.items():
        counter = CounterMetricFamily(f"{PREFIX}{name}", f"{text}.", labels=["template"])
        for template, record in templates.items():
            counter.add_metric([template], count(record))
        yield counter
    for name, (text, value) in _GAUGES.items():
        gauge = GaugeMetricFamily(f"{PREFIX}{name}", f"{text}.", labels=["template"])
        for template, record in templates.items():
            gauge.add_metric([template], value(record))
        yield gauge
    yield _deployed(templates)


def _deployed(templates: Mapping[str, TemplateRecord]) -> Metric:
    text = "When a version was last made active, in unix seconds."
    gauge = GaugeMetricFamily(f"{PREFIX}deployed_timestamp_seconds", text, labels=["template"])
    for template, record in templates.items():
        if record.deployed_at is not None:
            gauge.add_metric([template], record.deployed_at.timestamp())
    return gauge
