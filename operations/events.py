"""Kubernetes Events on the receipts of a stack, so that `kubectl describe` and `kubectl get events` tell of a run.

An Event is told or lost: it never decides what a run ends with.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from operations.cluster import Cluster, Object
from rotation.errors import ClusterError
from rotation.events import Happening, Reporter, event_body

MOST = 5
"""Events of one run. A run in which more happens tells the rest as a number."""
CONTROLLER = "token-rotation/operations"


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
    place = {
        "kind": regarding.kind,
        "namespace": regarding.namespace,
        "name": regarding.name,
        "uid": regarding.uid,
    }
    return event_body(happening, place, Reporter(CONTROLLER, socket.gethostname()), now)
