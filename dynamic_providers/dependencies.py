"""What must be there before a token is minted, and why it is not. Each object is asked for once in a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dynamic_providers.state import Run
from rotation.errors import ClusterError


class DeploymentWanted(BaseModel):
    """A Deployment that must have so many replicas ready."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
    namespace: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    min_ready_replicas: int = Field(default=1, ge=1, alias="minReadyReplicas")


class Dependencies(BaseModel):
    """Nothing of a token is minted before all of these are ready."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deployments: tuple[DeploymentWanted, ...] = ()


class Wanted(Dependencies):
    """What a token depends on, with what only other settings tell.

    owner: where the API has the object that is to own the token's Secrets
    """

    owner: str = ""


def lacking(run: Run, stored: Mapping[str, Any] | None) -> str:
    """Why a mint must wait, as a clause; empty when everything is ready. What cannot be read is not ready."""
    wanted = Wanted.model_validate(stored or {})
    return _not_ready(run, wanted.deployments) or _without_owner(run, wanted.owner)


def uid_of(run: Run, owner: str) -> str | None:
    """The uid of an owner; None where it is not there. Raises ClusterError."""
    uid: str | None = run.once(f"the uid of {owner}", lambda: run.cluster.uid(owner))
    return uid


def _without_owner(run: Run, owner: str) -> str:
    """A Secret that is owned by nothing that is there would be deleted at once."""
    try:
        is_there = not owner or uid_of(run, owner) is not None
    except ClusterError as error:
        return f"the owner of its Secret, {owner}, cannot be read ({error.cause})"
    remedy = "create it, or take `owner` out of `token-rotation:operator`"
    return "" if is_there else f"the owner of its Secret, {owner}, is not there: {remedy}"


def _not_ready(run: Run, deployments: Iterable[DeploymentWanted]) -> str:
    for wanted in deployments:
        place = f"the Deployment {wanted.namespace}/{wanted.name}"
        ready: int | str | None = run.once(place, partial(_ready, run, wanted))
        if ready is None:
            return f"{place} that it depends on does not exist"
        if isinstance(ready, str):
            return f"{place} that it depends on cannot be read ({ready})"
        if ready < wanted.min_ready_replicas:
            return f"{place} that it depends on has {ready} of {wanted.min_ready_replicas} replicas ready"
    return ""


def _ready(run: Run, wanted: DeploymentWanted) -> int | str | None:
    try:
        return run.cluster.ready_replicas(wanted.namespace, wanted.name)
    except ClusterError as error:
        return error.cause
