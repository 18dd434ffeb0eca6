"""Evidence before retirement: have consumers moved on? Judged from what was observed; nothing is observed here.

A superseded generation that is due ends when every source shows that its consumers hold what was last published. What
no evidence can hold: an emergency, a revocation that was begun, and a security deadline that has passed.

    publication        deadline               deadline + wait         publication + security_deadline
        ├── overlap ───────┼── WaitingForEvidence ──┼── EvidenceMissing ──────────┼── it ends
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotation.clock import to_rfc3339
from rotation.durations import Duration
from rotation.reasons import Action, Decision, Reason

CONDITIONS = frozenset({Reason.WAITING_FOR_EVIDENCE, Reason.EVIDENCE_MISSING})
"""What a judgement of evidence may leave in a receipt."""

_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
_NAMESPACE = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_NAME = Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")


class ExternalSecret(BaseModel):
    """An ExternalSecret that brings the token to its consumers."""

    model_config = _STRICT

    namespace: str = _NAMESPACE
    name: str = _NAME

    def __str__(self) -> str:
        return f"ExternalSecret {self.namespace}/{self.name}"


class Workload(BaseModel):
    """A workload whose pod template names the generation that its pods were started with."""

    model_config = _STRICT

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    namespace: str = _NAMESPACE
    name: str = _NAME

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Source(BaseModel):
    """One thing to look at; exactly one kind of it is named."""

    model_config = _STRICT

    external_secret: ExternalSecret | None = Field(default=None, alias="externalSecret")
    workload: Workload | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Source:
        if len([kind for kind in (self.external_secret, self.workload) if kind is not None]) != 1:
            raise ValueError("a source names exactly one of externalSecret and workload")
        return self

    @property
    def _named(self) -> ExternalSecret | Workload | None:
        return self.external_secret or self.workload

    def __str__(self) -> str:
        return str(self._named)


class EvidencePolicy(BaseModel):
    """Whether a superseded generation waits for evidence, from where, and for how long.

    mode:              `off`; `warn` ends it at its deadline and tells what is lacking; `enforce` holds it
    wait:              how long beyond the deadline it is held before an alert tells of it
    security_deadline: how long after the publication it ends, whatever the evidence says
    sources:           all of them must show that consumers moved on
    """

    model_config = _STRICT

    mode: Literal["off", "warn", "enforce"] = "off"
    wait: Duration = timedelta(days=1)
    security_deadline: Duration | None = None
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _has_sources(self) -> EvidencePolicy:
        if self.mode != "off" and not self.sources:
            raise ValueError(f"mode {self.mode} needs sources, or there could be no evidence")
        return self


OFF = EvidencePolicy()


@dataclass(frozen=True)
class Given:
    """What consumers were last given, and when."""

    generation: str
    fingerprint: str
    published_at: datetime


@dataclass(frozen=True)
class Synced:
    """What an ExternalSecret shows: when it last read its source, and what its target Secret holds, as fingerprints."""

    refreshed: datetime | None
    fingerprints: frozenset[str]


@dataclass(frozen=True)
class RolledOut:
    """What a workload shows: whether its status tells of its newest specification, what its pods are, and how many.

    total: pods of every age; an old one that still runs is more than is wanted
    """

    seen: bool
    generation: str
    wanted: int
    total: int
    updated: int
    ready: int


@dataclass(frozen=True)
class NoAnswer:
    """Nothing was to be seen, and why."""

    cause: str


Observation = Synced | RolledOut | NoAnswer


class Waiting(Protocol):
    """A superseded generation that is not known dead, from the ledger or from the receipt."""

    @property
    def generation(self) -> str: ...
    @property
    def deadline(self) -> datetime: ...
    @property
    def attempts(self) -> int: ...
    @property
    def published_at(self) -> datetime | None: ...
    @property
    def expedited(self) -> bool: ...


@dataclass(frozen=True)
class Judgement:
    """Which of the due generations end now, and what is told of them and of those that are held."""

    ends: tuple[str, ...]
    told: tuple[Decision, ...] = ()

    @property
    def conditions(self) -> frozenset[Reason]:
        """What an alert may have to tell."""
        return CONDITIONS & {decision.reason for decision in self.told}


def asks(policy: EvidencePolicy, due: Iterable[Waiting], published_at: datetime, now: datetime) -> bool:
    """Whether anything is to be looked at: the end of one of these waits for evidence, or is told without it.

    published_at: the last publication, for an entry that does not tell that of its own successor
    """
    return policy.mode != "off" and not all(_overrides(policy, item, published_at, now) for item in due)


def ends_unseen(policy: EvidencePolicy, item: Waiting, published_at: datetime, now: datetime) -> bool:
    """Whether a due generation ends even when nothing shows that consumers moved on."""
    return policy.mode != "enforce" or _overrides(policy, item, published_at, now)


def lack(source: Source, seen: Observation, given: Given) -> str:
    """Why this does not show that consumers hold what they were given; empty when it does."""
    match seen:
        case Synced():
            cause = _lack_of_sync(seen, given)
        case RolledOut():
            cause = _lack_of_rollout(seen, given)
        case NoAnswer():
            cause = seen.cause
    return f"{source}: {cause}" if cause else ""


def judge(
    policy: EvidencePolicy, due: Iterable[Waiting], lacks: Sequence[str], published_at: datetime, now: datetime
) -> Judgement:
    """Which of the due generations end now. `lacks`: why sources do not show that consumers moved on."""
    ends, told = [], []
    for item in due:
        if not lacks or ends_unseen(policy, item, published_at, now):
            ends.append(item.generation)
            told.append(_end(policy, item, lacks, published_at, now))
        else:
            told.append(_hold(policy, item, lacks, now))
    return Judgement(tuple(ends), tuple(told))


def _overrides(policy: EvidencePolicy, item: Waiting, published_at: datetime, now: datetime) -> bool:
    """What was begun is brought to its end: a revocation without an answer may have happened."""
    return item.expedited or item.attempts > 0 or _security_is_over(policy, item, published_at, now)


def _security_is_over(policy: EvidencePolicy, item: Waiting, published_at: datetime, now: datetime) -> bool:
    if policy.security_deadline is None:
        return False
    since = item.published_at or min(published_at, item.deadline)
    return now >= since + policy.security_deadline


def _end(
    policy: EvidencePolicy, item: Waiting, lacks: Sequence[str], published_at: datetime, now: datetime
) -> Decision:
    name = item.generation
    if item.expedited:
        return Decision(Action.RETIRE, Reason.EMERGENCY, f"{name} is revoked now")
    if policy.mode == "warn" and lacks and not _overrides(policy, item, published_at, now):
        message = f"{name} is revoked now, though consumers were not seen to move on: {'; '.join(lacks)}"
        return Decision(Action.RETIRE, Reason.EVIDENCE_MISSING, message)
    message = f"the overlap of {name} is over; it is revoked now"
    if policy.mode != "off" and _security_is_over(policy, item, published_at, now):
        message = f"the security deadline of {name} has passed; it is revoked now, whatever the evidence says"
    return Decision(Action.RETIRE, Reason.DEADLINE_PASSED, message)


def _hold(policy: EvidencePolicy, item: Waiting, lacks: Sequence[str], now: datetime) -> Decision:
    patience, why = item.deadline + policy.wait, "; ".join(lacks)
    if now < patience:
        message = f"{item.generation} is held beyond its deadline until consumers are seen to move on: {why}"
        return Decision(Action.DEFER, Reason.WAITING_FOR_EVIDENCE, message, patience)
    message = f"{item.generation} should have ended at {to_rfc3339(item.deadline)} and is still held: {why}"
    return Decision(Action.DEFER, Reason.EVIDENCE_MISSING, message)


def _lack_of_sync(seen: Synced, given: Given) -> str:
    if seen.refreshed is None:
        return "it was never refreshed"
    if seen.refreshed < given.published_at:
        return f"its last refresh, at {to_rfc3339(seen.refreshed)}, was before the publication"
    return "" if given.fingerprint in seen.fingerprints else "its Secret does not hold what was published"


def _lack_of_rollout(seen: RolledOut, given: Given) -> str:
    if not seen.seen:
        return "its status does not tell of its newest specification yet"
    if seen.generation != given.generation:
        return f"its pods are of generation {seen.generation or 'none'}"
    if {seen.total, seen.updated, seen.ready} != {seen.wanted}:
        return f"of {seen.wanted} replicas {seen.updated} are updated and {seen.ready} ready; {seen.total} run"
    return ""
