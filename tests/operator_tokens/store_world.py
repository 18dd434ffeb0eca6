"""A simulated cluster with a store of records before it, and a change to make to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rotation.backends.transport import Transport, json_request
from rotation.operator_tokens import changes
from rotation.operator_tokens.changes import Newcomer
from rotation.operator_tokens.record import Record, RecordPlace, hash_of, new_value
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.testing.builders import DAY, START, HandClock, a_generation
from sandbox.apis.kubernetes import KubernetesApi
from sandbox.faults import Faults

TEAM = "team-a"
PLACE = RecordPlace()
PATH = f"/api/v1/namespaces/{PLACE.namespace}/configmaps"
NAME = f"{PLACE.name}-{TEAM}"


class StoreWorld:
    """A simulated cluster, faults before it, and what the store waited."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.server = KubernetesApi(self.clock, seed=1)
        self.server.add_namespace(PLACE.namespace)
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.waits: list[float] = []
        self.store = self.another()

    def another(self, place: RecordPlace = PLACE, send: Transport | None = None) -> RecordStore:
        """A store of another process."""
        client = cluster_client("operator", send or self.faults, self.clock, lambda _text: None)
        return RecordStore(client, place, self.waits.append)

    def object_of(self, name: str = NAME) -> dict[str, Any]:
        return next(one for one in self.server.objects("configmaps") if one["metadata"]["name"] == name)

    def put(self, body: dict[str, Any], name: str = NAME) -> None:
        """Replace an object as somebody's hand does, without asking."""
        metadata = {key: part for key, part in body["metadata"].items() if key != "resourceVersion"}
        request = json_request("PUT", f"{PATH}/{name}", {**body, "metadata": metadata})
        assert self.server.handle(request).status == 200

    def writes(self) -> int:
        calls = self.server.calls.items()
        return sum(number for (method, _template), number in calls if method in ("POST", "PUT"))


def adding(value: str = "") -> Callable[[Record], Record]:
    """A change that enters one generation, the same one however often it is applied."""
    one = Newcomer(a_generation(), START, 90 * DAY, START + DAY)
    hashed = hash_of(value or new_value())
    return lambda record: changes.admit(record, hashed, one)
