"""Kubernetes Events on a team's operational Secret. An Event is told or lost: it decides nothing about a token."""

from __future__ import annotations

from dataclasses import dataclass

from rotation.backends.api_client import ApiClient
from rotation.clock import Clock, to_rfc3339
from rotation.errors import BackendError
from rotation.operator_tokens.published import OperationalSecret

CONTROLLER = "token-rotation/operator-tokens"
_LONGEST_NOTE = 1000  # bytes; the API refuses more than 1024


@dataclass(frozen=True)
class Happening:
    """What an Event tells. `reason` is a code in CamelCase, `action` a word; `warning`: somebody should look."""

    reason: str
    action: str
    note: str
    warning: bool = False


class Events:
    """Tells Events of events.k8s.io/v1 in a team's namespace.

    instance: which process reports, such as the name of its pod
    """

    def __init__(self, client: ApiClient, clock: Clock, instance: str = "token-rotation") -> None:
        self._client = client
        self._clock = clock
        self._instance = instance

    def tell(self, regarding: OperationalSecret, happening: Happening) -> str:
        """Tell it on a Secret, though it be gone; returns why not, where it was refused. Nothing is raised."""
        namespace = regarding.namespace
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        try:
            self._client.write(f"tell an Event in {namespace}", "POST", path, self._event(regarding, happening))
        except BackendError as error:
            return str(error)
        return ""

    def _event(self, regarding: OperationalSecret, happening: Happening) -> dict[str, object]:
        now = self._clock()
        place = {"apiVersion": "v1", "kind": "Secret", "namespace": regarding.namespace, "name": regarding.name}
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": "token-rotation-", "namespace": regarding.namespace},
            "eventTime": to_rfc3339(now).removesuffix("Z") + f".{now.microsecond:06}Z",
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128] or CONTROLLER,
            "action": happening.action[:128],
            "reason": happening.reason[:128],
            "note": happening.note.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
            "type": "Warning" if happening.warning else "Normal",
            "regarding": {**place, **({"uid": regarding.uid} if regarding.uid else {})},
        }
