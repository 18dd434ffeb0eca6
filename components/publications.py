"""Where consumers look. One writer for each place, updated in place: current and previous change in one write."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.settings import SecretPlace
from dynamic_providers.cluster import GENERATION_ANNOTATION
from dynamic_providers.token_pair import TokenPair
from rotation.durations import format_duration
from rotation.model import Policy

PREFIX = GENERATION_ANNOTATION.split("/")[0]


def kubernetes_secret(
    token: str, place: SecretPlace, pair: TokenPair, policy: Policy, opts: pulumi.ResourceOptions
) -> Secret:
    """A Secret with `token` and, during the overlap, `token-previous`.

    Its annotations tell the generation, its instants, the lower bound of the previous value's life, and how often a
    consumer must read again to be safe.
    """
    told = pulumi.Output.all(
        generation=pair.generation,
        created=pair.created,
        expires=pair.expires,
        previous_generation=pair.previous_generation,
        previous_valid_until=pair.previous_valid_until,
    )
    return Secret(
        f"{token}-secret-{place}",
        metadata={
            "namespace": place.namespace,
            "name": place.name,
            "labels": {
                "app.kubernetes.io/name": token,
                "app.kubernetes.io/component": "token",
                "app.kubernetes.io/managed-by": "token-rotation",
            },
            "annotations": told.apply(lambda known: _annotations(known, policy)),
        },
        type="Opaque",
        string_data=pulumi.Output.all(pair.value, pair.previous).apply(lambda values: _data(*values)),
        opts=opts,
    )


def _data(current: str, previous: str) -> dict[str, str]:
    return {"token": current, **({"token-previous": previous} if previous else {})}


def _annotations(known: dict[str, Any], policy: Policy) -> dict[str, str]:
    facts = {
        "generation": known["generation"],
        "created": known["created"],
        "expires": known["expires"],
        "previous-generation": known["previous_generation"],
        "previous-valid-until": known["previous_valid_until"],
        "refresh-by": f"read again within {format_duration(policy.overlap)} of a change",
    }
    return {f"{PREFIX}/{name}": text for name, text in facts.items() if text}
