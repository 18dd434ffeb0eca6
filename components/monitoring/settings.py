"""What a stack's config says under `token-rotation:monitoring`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotation.durations import Duration

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Thresholds(BaseModel):
    """From when on people are told.

    authentik_expiring: distances from the end of an Authentik token that names none itself (`warn_before`)
    coder_expiring:     the same of a Coder token
    operator_expiring:  the same of an operational token; one that is late and within its overlap is critical
    vault_expiring:     a Vault token that is so near its end and late is critical
    vault_age:          a Vault token of this age that rotates by itself is overdue
    job_not_run:        since the last success of the daily job; never less than two run intervals
    missing:            how long an object or a series may be away before it counts as missing
    grace:              how long a run may take until the exporter tells of what it did
    refused_in_an_hour: so many tokens may be refused in an hour for one namespace and reason
    """

    model_config = _STRICT

    authentik_expiring: tuple[Duration, ...] = (timedelta(days=60), timedelta(days=30))
    coder_expiring: tuple[Duration, ...] = (timedelta(days=7),)
    operator_expiring: tuple[Duration, ...] = (timedelta(days=10),)
    vault_expiring: Duration = timedelta(days=3)
    vault_age: Duration = timedelta(days=30)
    job_not_run: Duration = timedelta(days=2)
    missing: Duration = timedelta(minutes=15)
    grace: Duration = timedelta(hours=2)
    refused_in_an_hour: int = Field(default=10, ge=0)


class MonitoringSettings(BaseModel):
    """Alerts, recording rules and the dashboard as objects of the cluster, which has the Prometheus operator's CRDs.

    namespace:          where they are put
    labels:             on each of them, as the operator's `ruleSelector` asks for (`release: prometheus`)
    selector:           labels that tell this stack's exporter from others; its namespace unless told
    runbook_url:        where docs/runbook.md can be read; each alert adds the name of its section
    retirement_interval, validation_interval: the longest time between two of these jobs; null where one does not run
    kube_state_metrics: False where the jobs do not run in this cluster, or nothing tells of its objects
    dashboard:          a ConfigMap that Grafana's sidecar finds by the label `grafana_dashboard`
    audit_policy:       Kyverno reports Secrets of Vault tokens whose annotations are wrong; it blocks nothing
    """

    model_config = _STRICT

    enabled: bool = False
    namespace: str = Field(default="token-rotation", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    labels: dict[str, str] = {}
    selector: dict[str, str] | None = None
    runbook_url: str = "docs/runbook.md"
    thresholds: Thresholds = Thresholds()
    retirement_interval: Duration | None = timedelta(hours=1)
    validation_interval: Duration | None = timedelta(hours=6)
    kube_state_metrics: bool = True
    dashboard: bool = True
    audit_policy: bool = False

    @model_validator(mode="after")
    def _points_at_a_page(self) -> MonitoringSettings:
        if "#" in self.runbook_url:
            raise ValueError("runbook_url names the page alone; each alert adds `#` and its own section")
        return self
