"""Kubernetes Events on the receipts of a stack, so that `kubectl describe` and `kubectl get events` tell of a run.

They are of events.k8s.io/v1, which replaced the core group's: it has fields of its own for the act and for who reports,
and `kubectl` shows both alike. An Event is told or lost: it never decides what a run ends with.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operations.cluster import Cluster, Object
from rotation.clock import to_rfc3339
from rotation.errors import ClusterError

MOST = 5
"""Events of one run. A run in which more happens tells the rest as a number."""
CONTROLLER = "token-rotation/operations"
_LONGEST_NOTE = 1000  # bytes; the API refuses more than 1024


@dataclass(frozen=True)
class Happening:
    """What an Event tells. `reason` is a code in CamelCase, `action` a word; `warning`: somebody should look."""

    reason: str
    action: str
    note: str
    warning: bool = False


def tell(cluster: Cluster, namespace: str, name: str, happenings: Sequence[Happening], now: datetime) -> str:
    """Tell them on the ConfigMap of this name; returns why not, where one was refused. Nothing is raised."""
    if not happenings:
        return ""
    try:
        regarding = cluster.regarded(namespace, name)
        for happening in _gravest(happenings):
            cluster.event(_event(happening, regarding, now))
    except ClusterError as error:
        return str(error)
    return ""


def _gravest(happenings: Sequence[Happening]) -> Iterable[Happening]:
    """Warnings first; what does not fit is counted."""
    ordered = sorted(happenings, key=lambda happening: not happening.warning)
    if len(ordered) <= MOST:
        return ordered
    rest = ordered[MOST - 1 :]
    more = Happening("More", "tell", f"{len(rest)} more; see the log of the run", any(item.warning for item in rest))
    return [*ordered[: MOST - 1], more]


def _event(happening: Happening, regarding: Object, now: datetime) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "token-rotation-", "namespace": regarding.namespace},
        "eventTime": to_rfc3339(now).removesuffix("Z") + f".{now.microsecond:06}Z",
        "reportingController": CONTROLLER,
        "reportingInstance": socket.gethostname()[:128],
        "action": happening.action[:128],
        "reason": happening.reason[:128],
        "note": happening.note.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
        "type": "Warning" if happening.warning else "Normal",
        "regarding": {
            "apiVersion": "v1",
            "kind": regarding.kind,
            "namespace": regarding.namespace,
            "name": regarding.name,
            **({"uid": regarding.uid} if regarding.uid else {}),
        },
    }
