"""What rules must know of a stack: plain facts, without a value and without Pulumi."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from rotation.model import Policy
from rotation.run_record import RETIRE, ROTATE, VALIDATE

DEFAULT_NAME = "token-rotation"
Place = tuple[str, str]
"""A namespace and a name."""


@dataclass(frozen=True)
class TokenFacts:
    """One token. `secrets` and `external_secrets` are the places where its consumers look."""

    name: str
    kind: str
    policy: Policy
    secrets: tuple[Place, ...] = ()
    external_secrets: tuple[Place, ...] = ()
    paused: bool = False

    @property
    def rotation_age(self) -> timedelta:
        """The age at which its rotation falls due at the latest, if it gets the lifetime that it asks for."""
        return rotation_age(self.policy)


@dataclass(frozen=True)
class Job:
    """A scheduled job: what its run records call it, its CronJob, and the longest time between two of its runs."""

    name: str
    cronjob: str
    interval: timedelta


@dataclass(frozen=True)
class TeamFacts:
    """The teams of an operator. Which of them bootstrap themselves at run time, no config knows.

    policy:   of the tokens that they bootstrap
    declared: the namespaces whose operational token the stack declares, which has a policy of its own
    """

    policy: Policy
    declared: tuple[str, ...] = ()


@dataclass(frozen=True)
class StackFacts:
    """A stack. `namespace` is that of its jobs and of its exporter.

    jobs:           by what its run records call them
    config_secret:  the Secret of the resolved settings; None where the stack writes none
    rotation_limit: 0 where every due rotation begins in the next run
    teams:          None where the stack has no operator
    templates:      the templates of Coder that it deploys
    """

    namespace: str
    tokens: tuple[TokenFacts, ...]
    run_interval: timedelta
    jobs: Mapping[str, Job]
    config_secret: Place | None = None
    rotation_limit: int = 0
    teams: TeamFacts | None = None
    templates: tuple[str, ...] = ()

    @property
    def retirement_interval(self) -> timedelta:
        """How long a passed deadline waits for a run, at most."""
        retire = self.jobs.get(RETIRE)
        return min(self.run_interval, retire.interval) if retire else self.run_interval

    def of_kind(self, *kinds: str) -> list[TokenFacts]:
        """The tokens of some kinds."""
        return [token for token in self.tokens if token.kind in kinds]


def rotation_age(policy: Policy) -> timedelta:
    """The age at which a rotation falls due at the latest, where the lifetime is the one that was asked for."""
    ages = [policy.rotate_every, policy.lifetime - policy.rotate_before if policy.rotate_before else None]
    return min(age for age in ages if age is not None)


def scheduled_jobs(
    *,
    rotate: timedelta,
    retire: timedelta | None = None,
    validate: timedelta | None = None,
    name: str = DEFAULT_NAME,
) -> dict[str, Job]:
    """The jobs by the names of their CronJobs; one that has no interval is not scheduled."""
    intervals = {ROTATE: ("", rotate), RETIRE: ("-retirement", retire), VALIDATE: ("-validation", validate)}
    return {job: Job(job, f"{name}{suffix}", length) for job, (suffix, length) in intervals.items() if length}


def names(tokens: Iterable[TokenFacts]) -> str:
    """A pattern of PromQL that matches exactly these tokens; a name holds nothing that a pattern would read."""
    return "|".join(sorted(token.name for token in tokens))
