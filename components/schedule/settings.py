"""The key `token-rotation:schedule`: when runs begin, in which image, and what they are given."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rotation.durations import Duration, format_duration

_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_NAMESPACE = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,-]+")
MARGIN = timedelta(minutes=5)
"""How much longer a Job lives than its run's own limit, so that the run ends by itself and says what happened."""


class Job(StrEnum):
    """What runs by itself. The value is the name of its CronJob (or Deployment) and of its ServiceAccount."""

    RUN = "token-rotation"
    VALIDATION = "token-rotation-validation"
    RETIREMENT = "token-rotation-retirement"
    EXPORTER = "token-rotation-exporter"


class KeyOfSecret(BaseModel):
    """One key of a Secret in the namespace of the jobs."""

    model_config = _STRICT

    name: str = Field(pattern=_NAME)
    key: str = Field(min_length=1)


class Credential(KeyOfSecret):
    """A credential, given as an environment variable to the jobs that need it, and to no other."""

    jobs: tuple[Literal["run", "validation", "retirement"], ...] = ("run", "retirement")

    def given_to(self, job: Job) -> bool:
        """Whether this job gets it."""
        return job.name.lower() in self.jobs


class State(BaseModel):
    """Where the stack's state is.

    url:    a state backend of Pulumi, such as `s3://bucket?region=…` or `file:///state`
    secret: the key of a Secret that holds the url instead, for a `postgres://` url with its password
    claim:  a PersistentVolumeClaim that is mounted at /state, for `file:///state`
    """

    model_config = _STRICT

    url: str = ""
    secret: KeyOfSecret | None = None
    claim: str = ""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if bool(self.url) == (self.secret is not None):
            raise ValueError("the state has exactly one of url and secret")
        if self.claim and self.url != "file:///state":
            raise ValueError("a claim is mounted at /state; its url is file:///state")
        if self.url.startswith("file:") and not self.claim:
            raise ValueError("a file:// state would be lost with its pod; name a claim, or another state backend")
        return self


class Files(BaseModel):
    """The content of a ConfigMap or a Secret as files of every job, for example the certificate of an authority."""

    model_config = _STRICT

    path: str = Field(pattern=r"^/[-\w./]+$")
    config_map: str = Field(default="", alias="configMap")
    secret: str = ""

    @model_validator(mode="after")
    def _is_one_source(self) -> Self:
        if bool(self.config_map) == bool(self.secret):
            raise ValueError("files come from exactly one of configMap and secret")
        return self


class Timing(BaseModel):
    """When a job begins, and how long it may take.

    schedule:          five fields of cron, in the schedule's time zone; a minute `H` is drawn once for the stack
    limit:             the run ends itself after this long
    deadline:          Kubernetes ends the Job after this long; `limit` and a margin must fit into it
    starting_deadline: how late it may still begin
    retries:           how often a pod that failed is begun anew; refused input and what needs a person are not
    suspend:           true: this job does not begin
    """

    model_config = _STRICT

    schedule: str
    limit: Duration = timedelta(minutes=30)
    deadline: Duration = timedelta(minutes=75)
    starting_deadline: Duration = timedelta(minutes=20)
    retries: int = Field(default=2, ge=0, le=6)
    suspend: bool = False

    @field_validator("schedule")
    @classmethod
    def _has_five_fields(cls, schedule: str) -> str:
        fields = schedule.split()
        if len(fields) != 5 or not all(map(_CRON_FIELD.fullmatch, fields)):
            raise ValueError(f"{schedule!r} is no schedule; write five fields of cron, as in 0 2 * * *")
        return schedule

    @model_validator(mode="after")
    def _ends_by_itself(self) -> Self:
        if self.deadline < self.limit + MARGIN:
            room = f"{format_duration(self.limit)} and {format_duration(MARGIN)}"
            raise ValueError(
                f"a deadline of {format_duration(self.deadline)} leaves no room for {room} to end by itself"
            )
        return self


class Peer(BaseModel):
    """Where jobs may connect to: ports of whoever answers there, and as needed the address ranges or the namespace.

    ports: as a pod listens on them; every port of a namespace where none is named
    """

    model_config = _STRICT

    ports: tuple[int, ...] = ()
    cidrs: tuple[str, ...] = ()
    namespace: str = ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not self.ports and not self.namespace:
            raise ValueError("name ports, or a namespace")
        return self


class Network(BaseModel):
    """What NetworkPolicies let out beside the backends of the config, whose ports they take from their urls.

    api_server: the Kubernetes API as pods reach it; every address is let through unless `cidrs` narrows it
    dns:        the namespace of the cluster's DNS
    scrapers:   the namespace from which Prometheus reads the exporter
    more:       the state backend, 1Password Connect, a webhook
    """

    model_config = _STRICT

    enabled: bool = True
    api_server: Peer = Field(default=Peer(ports=(443, 6443)), alias="apiServer")
    dns: str = "kube-system"
    scrapers: str = "monitoring"
    more: tuple[Peer, ...] = ()


class Exporter(BaseModel):
    """The Deployment that shows receipts to Prometheus. `labels` are what Prometheus selects ServiceMonitors by."""

    model_config = _STRICT

    enabled: bool = True
    port: int = Field(default=9464, ge=1024, le=65535)
    service_monitor: bool = Field(default=True, alias="serviceMonitor")
    labels: dict[str, str] = {}
    interval: Duration = timedelta(minutes=1)


class ScheduleSettings(BaseModel):
    """Everything under `token-rotation:schedule`.

    namespace:   of the jobs; it exists before the program runs
    image:       what the Dockerfile builds; it holds CLI, plugins and program, and fetches nothing when it runs
    stack:       the stack that the jobs run; the one that declares them unless given
    stack_file:  a ConfigMap whose key `Pulumi.STACK.yaml` is the stack's config; the image's own file without it
    passphrase:  of the state's secrets; none where the secrets provider needs none
    plugins:     the folder of the image that is PULUMI_HOME: every plugin is in it
    suspend:     true: no job begins
    vault_role:  the role with which validation logs in at Vault by its own account, to read published entries
    await_ready: wait until the exporter runs; leave it out where no node does
    """

    model_config = _STRICT

    image: str = Field(min_length=1)
    namespace: str = Field(default="token-rotation", pattern=_NAMESPACE)
    pull_secrets: tuple[str, ...] = Field(default=(), alias="pullSecrets")
    stack: str = ""
    stack_file: str = Field(default="", alias="stackFile")
    state: State
    passphrase: KeyOfSecret | None = None
    plugins: str = "/opt/pulumi"
    credentials: dict[str, Credential] = {}
    environment: dict[str, str] = {}
    files: tuple[Files, ...] = ()
    suspend: bool = False
    time_zone: str = Field(default="Etc/UTC", alias="timeZone")
    run: Timing = Timing(schedule="0 2 * * *", starting_deadline=timedelta(hours=6))
    validation: Timing = Timing(
        schedule="15 */6 * * *", limit=timedelta(minutes=10), deadline=timedelta(minutes=20), retries=0
    )
    retirement: Timing = Timing(schedule="30 * * * *", limit=timedelta(minutes=20), deadline=timedelta(minutes=50))
    kept_for: Duration = Field(default=timedelta(days=7), alias="keptFor")
    requests: dict[str, str] = {"cpu": "100m", "memory": "256Mi"}
    limits: dict[str, str] = {"memory": "1Gi"}
    pod_labels: dict[str, str] = Field(default={}, alias="podLabels")
    pod_annotations: dict[str, str] = Field(default={}, alias="podAnnotations")
    vault_role: str = Field(default="", alias="vaultRole")
    network: Network = Network()
    exporter: Exporter = Exporter()
    await_ready: bool = Field(default=False, alias="awaitReady")

    def timing(self, job: Job) -> Timing:
        """When a CronJob begins. Raises KeyError for the exporter, which always runs."""
        found: dict[Job, Timing] = {
            Job.RUN: self.run,
            Job.VALIDATION: self.validation,
            Job.RETIREMENT: self.retirement,
        }
        return found[job]

    @model_validator(mode="after")
    def _gives_each_variable_once(self) -> Self:
        if twice := sorted({*self.credentials} & {*self.environment}):
            raise ValueError(f"{twice[0]} is both a credential and a plain variable")
        return self


Manifest = dict[str, Any]
"""One Kubernetes object as plain data."""
