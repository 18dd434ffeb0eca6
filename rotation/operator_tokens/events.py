"""Kubernetes Events on a team's operational Secret. An Event is told or lost: it decides nothing about a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rotation.backends.api_client import ApiClient
from rotation.clock import Clock
from rotation.errors import BackendError
from rotation.events import Happening, Reporter, event_body
from rotation.operator_tokens.published import OperationalSecret

CONTROLLER = "token-rotation/operator-tokens"


class Events:
    """Tells Events of events.k8s.io/v1 in a team's namespace.

    instance: which process reports, such as the name of its pod
    untold:   takes why an Event could not be told
    """

    def __init__(
        self,
        client: ApiClient,
        clock: Clock,
        instance: str = "token-rotation",
        untold: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._instance = instance
        self._untold = untold

    def tell(self, regarding: OperationalSecret, happening: Happening) -> None:
        """Tell it on a Secret, though it be gone. Nothing is raised."""
        namespace = regarding.namespace
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        try:
            self._client.write(f"tell an Event in {namespace}", "POST", path, self._event(regarding, happening))
        except BackendError as error:
            self._untold(str(error))

    def _event(self, regarding: OperationalSecret, happening: Happening) -> dict[str, Any]:
        place = {"kind": "Secret", "namespace": regarding.namespace, "name": regarding.name, "uid": regarding.uid}
        return event_body(happening, place, Reporter(CONTROLLER, self._instance), self._clock())
