"""Where consumers look. One writer for each place, updated in place: current and previous change in one write."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.settings import SecretPlace
from dynamic_providers.cluster import CURRENT_KEY, GENERATION_ANNOTATION, MANAGER, PREVIOUS_KEY
from dynamic_providers.token_pair import TokenPair
from rotation.checks import History, planned_at
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.durations import format_duration
from rotation.model import Policy

PREFIX = GENERATION_ANNOTATION.split("/", maxsplit=1)[0]


def kubernetes_secret(
    token: str, place: SecretPlace, pair: TokenPair, policy: Policy, opts: pulumi.ResourceOptions
) -> Secret:
    """A Secret with `token` and, during the overlap, `token-previous`.

    Its annotations tell the generation, its instants, the lower bound of the previous value's life, and how soon after
    a change a consumer must read again.
    """
    told = pulumi.Output.all(
        generation=pair.generation,
        created=pair.created,
        expires=pair.expires,
        previous_generation=pair.previous_generation,
        previous_valid_until=pair.previous_valid_until,
        repairs=pair.repairs,
    )
    return Secret(
        f"{token}-secret-{place}",
        metadata={
            "namespace": place.namespace,
            "name": place.name,
            "labels": {
                "app.kubernetes.io/name": token,
                "app.kubernetes.io/component": "token",
                "app.kubernetes.io/managed-by": MANAGER,
            },
            "annotations": told.apply(lambda known: _annotations(known, policy)),
        },
        type="Opaque",
        string_data=pulumi.Output.all(pair.value, pair.previous).apply(lambda values: _data(*values)),
        opts=opts,
    )


def _history(known: dict[str, Any]) -> History:
    return History(known["generation"], from_rfc3339(known["created"]), from_rfc3339(known["expires"]))


def _data(current: str, previous: str) -> dict[str, str]:
    return {CURRENT_KEY: current, **({PREVIOUS_KEY: previous} if previous else {})}


def _annotations(known: dict[str, Any], policy: Policy) -> dict[str, str]:
    if known["expires"] is None:
        return {}  # the pair failed, and with `--continue-on-error` the program goes on; the engine skips the Secret
    facts = {
        "generation": known["generation"],
        "created": known["created"],
        "expires": known["expires"],
        "rotates": to_rfc3339(planned_at(policy, _history(known))),
        "previous-generation": known["previous_generation"],
        "previous-valid-until": known["previous_valid_until"],
        "repairs": str(known["repairs"] or ""),
        "refresh-by": f"read again within {format_duration(policy.overlap)} of a change",
    }
    told = {f"{PREFIX}/{name}": text for name, text in facts.items() if text}
    return {**told, "pulumi.com/patchForce": "true"}  # a value that somebody wrote by hand must not block a publication
