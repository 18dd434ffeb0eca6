"""What a stack's config says under `token-rotation:operator`: the teams that bootstrap their tokens themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from components.publications.places import NAMESPACE
from rotation.model import Policy
from rotation.operator_tokens.published import OwnerObject

OPERATOR_POLICY = Policy.model_validate({"lifetime": "90d", "rotate_before": "10d", "overlap": "7d"})
"""Ten days before the end: 7 of grace, really there, and 3 of tolerated outage."""
TeamNamespace = Annotated[str, Field(pattern=NAMESPACE)]


class OperatorSettings(BaseModel):
    """The keeper of one operator.

    backend:    the entry of `backends` with the records
    policy:     of every token that an admission made; a declared token has its own
    owner:      whose deletion takes a team's Secret with it; `{namespace}` in its name stands for the team's
    namespaces: teams that may bootstrap at run time; the scheduled run gets rights on their Secrets alone
    revoked:    teams whose tokens have all ended, and for which nothing is made
    paused:     nothing is rotated; graces end, and a team may still bootstrap
    keep:       false lifts the protection, so that the keeper can be removed; its removal revokes what it kept
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str = "operator"
    policy: Policy = OPERATOR_POLICY
    owner: OwnerObject | None = None
    namespaces: tuple[TeamNamespace, ...] = ()
    revoked: tuple[TeamNamespace, ...] = ()
    paused: bool = False
    keep: bool = True
