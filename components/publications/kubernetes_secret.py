"""A Kubernetes Secret, whose annotations tell of the values in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.publications.contents import Published, facts
from components.publications.places import SecretPlace
from dynamic_providers.cluster import GENERATION_ANNOTATION, MANAGER
from rotation.checks import History, planned_at
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.durations import format_duration
from rotation.model import Policy

PREFIX = GENERATION_ANNOTATION.split("/", maxsplit=1)[0]
FORCE = {"pulumi.com/patchForce": "true"}
"""What somebody wrote by hand must not block a publication."""


def kubernetes_secret(
    given: Published,
    place: SecretPlace,
    policy: Policy,
    accessor: pulumi.Output[str] | None,
    opts: pulumi.ResourceOptions,
) -> Secret:
    """A Secret with `token` and, during the overlap, `token-previous`.

    Its annotations tell the generation, its instants, the lower bound of the previous value's life, and how soon after
    a change a consumer must read again; with an accessor also what seed 001 names.
    """
    told = pulumi.Output.all(known=given.told, accessor=accessor)
    return Secret(
        f"{given.token}-secret-{place}",
        metadata={
            "namespace": place.namespace,
            "name": place.name,
            "labels": {
                "app.kubernetes.io/name": given.token,
                "app.kubernetes.io/component": "token",
                "app.kubernetes.io/managed-by": MANAGER,
                **given.labels,
            },
            **({} if given.owners is None else {"owner_references": given.owners}),
            "annotations": told.apply(lambda both: told_beside(**both, policy=policy, description=given.description)),
        },
        type="Opaque",
        string_data=given.values(),
        opts=opts,
    )


def told_beside(known: Mapping[str, Any], accessor: str | None, *, policy: Policy, description: str) -> dict[str, str]:
    """All annotations of a published Secret; none of a pair that failed."""
    if known["expires"] is None:
        return {}
    history = History(known["generation"], from_rfc3339(known["created"]), from_rfc3339(known["expires"]))
    told = {
        **facts(known, description),
        "rotates": to_rfc3339(planned_at(policy, history)),
        "previous-generation": known["previous_generation"],
        "previous-valid-until": known["previous_valid_until"],
        "repairs": str(known["repairs"] or ""),
        "refresh-by": f"read again within {format_duration(policy.overlap)} of a change",
        **(lifecycle(known, accessor) if accessor else {}),
    }
    return {**{f"{PREFIX}/{name}": text for name, text in told.items() if text}, **FORCE}


def lifecycle(known: Mapping[str, Any], accessor: str) -> dict[str, str]:
    """Seed 001's annotations. What a person set of the two acts stays as it was set."""
    return {
        "token-created": known["created"],
        "token-expires": known["expires"],
        "token-accessor": accessor,
        "auto-renew": _written(known["auto_renew"]),
        "auto-rotate": _written(known["auto_rotate"]),
        "lifecycle-manager": MANAGER,
    }


def _written(switch: bool | None) -> str:
    return "false" if switch is False else "true"
