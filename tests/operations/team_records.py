"""Records of teams as a keeper left them, and what the exporter tells of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from operations.exporting.facts import Facts
from operations.exporting.teams import Teams
from rotation.operator_tokens.record import Entry, Record, State, Status, Team, hash_of
from tests.operations.facts import DAY, NOW, VALUE, a_receipt
from tests.operations.samples import Samples, samples

SEED, OURS = "keycloak_operator_", "token_rotation_operator_"
SECOND = timedelta(seconds=1)


def an_entry(namespace: str = "team-a", **changes: Any) -> Entry:
    """A token that a team bootstrapped, in use."""
    given: dict[str, Any] = {
        "namespace": namespace,
        "state": State.ACTIVE,
        "generation": f"admission_{namespace}_20260101t000000z_aaaaaa",
        "version": 1,
        "issued_at": NOW - DAY,
        "valid_until": NOW + 89 * DAY,
        "kept_by": "admission",
    }
    return Entry.model_validate({**given, **changes})


def a_team_record(*entries: Entry, **team: Any) -> Record:
    """A namespace's record as a keeper left it."""
    namespace = entries[0].namespace if entries else "team-a"
    told = {"status": Status.AUTHORIZED, "reason": "Accepted", "since": NOW, "bootstraps": 1, "rotations": 2}
    by_hash = {hash_of(f"{VALUE}-{one.generation}"): one for one in entries}
    return Record(namespace, by_hash, Team.model_validate({**told, **team}))


def declared(namespace: str = "team-b", **changes: Any) -> Any:
    """The receipt of a namespace's operational token that the stack declares."""
    place = f"kubernetesSecret:{namespace}/{namespace}-token"
    given = {"token": namespace, "backend": "operator", "kind": "operator", "published": (place,), "rotations": 4}
    return a_receipt(**{**given, **changes})


def told(*records: Record, receipts: dict[str, Any] | None = None) -> Samples:
    return samples(Facts(receipts or {}, teams=Teams({record.namespace: record for record in records})))


def of(metric: str, found: Samples) -> dict[tuple[str, ...], float]:
    """The samples of a metric, by the values of their labels in the order of their names."""
    return {
        tuple(text for _, text in sorted(labels)): number for (name, labels), number in found.items() if name == metric
    }
