"""What every place holds: the current value, in the overlap the previous one, and what may be told of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from dynamic_providers.cluster import CURRENT_KEY, PREVIOUS_KEY
from dynamic_providers.token_pair import TokenPair

FACTS = ("generation", "created", "expires", "description", "last_rotation", "rotation_status")
"""What is told beside the values at every place, under these names."""


@dataclass(frozen=True)
class Published:
    """What a publication is made from.

    told:   generation, created, expires and what else the pair tells, and the status; no value
    labels: on its Secrets, beside the usual ones
    owners: of its Secrets; None where nothing is to own them
    """

    token: str
    description: str
    pair: TokenPair
    told: pulumi.Output[dict[str, Any]]
    labels: Mapping[str, str] = field(default_factory=dict)
    owners: pulumi.Output[list[Any]] | None = None

    def facts(self) -> pulumi.Output[dict[str, str]]:
        """FACTS by name; none of a pair that failed."""
        return self.told.apply(lambda known: facts(known, self.description))

    def values(self) -> pulumi.Output[dict[str, str]]:
        """The values by key. Secret."""
        return pulumi.Output.all(self.pair.value, self.pair.previous).apply(lambda pair: values(*pair))


def published(token: str, pair: TokenPair, *, description: str, paused: bool, labels: Mapping[str, str]) -> Published:
    """What is published of a token. `paused` is what the config says of it."""
    told = pulumi.Output.all(
        generation=pair.generation,
        created=pair.created,
        expires=pair.expires,
        previous_generation=pair.previous_generation,
        previous_valid_until=pair.previous_valid_until,
        repairs=pair.repairs,
        auto_renew=pair.auto_renew,
        auto_rotate=pair.auto_rotate,
        failing=pair.failing,
    )
    return Published(token, description, pair, told.apply(lambda known: {**known, "paused": paused}), labels)


def values(current: str, previous: str | None) -> dict[str, str]:
    """`token`, and `token-previous` only in the overlap."""
    return {CURRENT_KEY: current, **({PREVIOUS_KEY: previous} if previous else {})}


def facts(known: Mapping[str, Any], description: str) -> dict[str, str]:
    """FACTS by name. A generation is one rotation, so its instant is that of the last one.

    With `--continue-on-error` the program goes on after the pair failed; the engine then skips what is published.
    """
    if known["expires"] is None:
        return {}
    return {
        "generation": known["generation"],
        "created": known["created"],
        "expires": known["expires"],
        "description": description,
        "last_rotation": known["created"],
        "rotation_status": rotation_status(known),
    }


def rotation_status(known: Mapping[str, Any]) -> str:
    """One of active, overlap, paused and failed, as seed 000 names them; what needs a person comes first."""
    if known.get("failing"):
        return "failed"
    if known["paused"] or known["auto_rotate"] is False:
        return "paused"
    return "overlap" if known["previous_generation"] else "active"


def poke(known: Mapping[str, Any]) -> str:
    """A text that changes with every publication of a value, and only then."""
    repairs = int(known["repairs"] or 0)
    return str(known["generation"]) + (f".{repairs}" if repairs else "")
