"""What the simulated API server holds: objects by kind and place, a version that only grows, the pages of lists."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rotation.backends.transport import Request, Response, json_response
from rotation.clock import to_rfc3339
from sandbox.apis import kubernetes_fields as fields
from sandbox.apis.kubernetes_lists import Pages, Place
from sandbox.apis.kubernetes_objects import KINDS, Kind, Object, absent, refusal, shown

_SET_BY_SERVER = ("uid", "creationTimestamp", "generateName", "deletionTimestamp")
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass
class Store:
    """An object that was kept is never changed, only replaced: a list that was begun goes on with what it saw."""

    random: random.Random
    version: int = 0
    pages: Pages = field(default_factory=Pages)
    _objects: dict[str, dict[Place, Object]] = field(default_factory=lambda: {kind.plural: {} for kind in KINDS})

    def of(self, plural: str) -> dict[Place, Object]:
        """All objects of a resource."""
        return self._objects[plural]

    def find(self, kind: Kind, place: Place) -> Object | None:
        """One object, if it is there."""
        return self._objects[kind.plural].get(place)

    def found(self, kind: Kind, place: Place) -> Object:
        """One object. Raises Refusal 404."""
        stored = self.find(kind, place)
        if stored is None:
            raise absent(kind.plural, place[1])
        return stored

    def free_name(self, prefix: str) -> str:
        """What `generateName` becomes."""
        return prefix + "".join(self.random.choices(_NAME_LETTERS, k=5))

    def require_namespace(self, kind: Kind, place: Place) -> None:
        """Raises Refusal where a new object cannot stand: 404 without its namespace, 403 in one that is deleted."""
        namespace, name = place
        if not kind.namespaced:
            return
        around = self._objects["namespaces"].get(("", namespace))
        if around is None:
            raise absent("namespaces", namespace)
        if is_terminating(around):
            cause = f"unable to create new content in namespace {namespace} because it is being terminated"
            told = f"namespace {namespace} is being terminated"
            causes = [{"reason": "NamespaceTerminating", "message": told, "field": "metadata.namespace"}]
            details = {"name": name, "kind": kind.plural, "causes": causes}
            raise refusal(403, "Forbidden", f'{kind.plural} "{name}" is forbidden: {cause}', details)

    def keep(self, call: Call, whole: Object, before: Object | None, shares: list[fields.Share]) -> Response:
        """Keep an object that was judged, and answer with it; one that did not change keeps its version."""
        metadata = whole["metadata"]
        if before is None:
            metadata["uid"] = str(uuid.UUID(int=self.random.getrandbits(128)))
            metadata["creationTimestamp"] = to_rfc3339(call.now)
        else:
            metadata |= {name: before["metadata"][name] for name in _SET_BY_SERVER if name in before["metadata"]}
        metadata |= {"namespace": call.place[0]} if call.place[0] else {}
        metadata |= {"managedFields": fields.managed_fields(shares)} if shares else {}
        if before is not None and _compared(whole) == _compared(before):
            whole = before
        else:
            self.version += 1
            metadata["resourceVersion"] = str(self.version)
            self._objects[call.kind.plural][call.place[0], metadata["name"]] = whole
        return json_response(201 if before is None else 200, shown(call.kind, whole))

    def drop(self, kind: Kind, place: Place) -> None:
        """Delete an object."""
        del self._objects[kind.plural][place]
        self.version += 1

    def collect_garbage(self) -> None:
        """End deleted namespaces with all in them, and each object whose owners are all of a known kind and gone."""
        ended = {name for (_none, name), one in self.of("namespaces").items() if is_terminating(one)}
        uids = {one["metadata"]["uid"] for kept in self._objects.values() for one in kept.values()}
        for kind in {kind.plural: kind for kind in KINDS}.values():
            for place, one in list(self.of(kind.plural).items()):
                around = place[0] if kind.namespaced else place[1]
                if around in ended or _is_left_alone(one, uids):
                    self.drop(kind, place)


@dataclass(frozen=True)
class Call:
    """One request, understood."""

    store: Store
    kind: Kind
    place: Place
    request: Request
    now: datetime

    @property
    def name(self) -> str:
        """The object's name, empty where the path ends before it."""
        return self.place[1]

    def body(self) -> Any:
        """What was sent, as JSON. Raises Refusal 400."""
        try:
            return self.request.json()
        except ValueError:
            message = f"the object provided is unrecognized (must be of type {self.kind.name}): json parse error"
            raise refusal(400, "BadRequest", message) from None

    def share(self, operation: str) -> fields.Share:
        """The writer, as the query names its field manager, else as the client calls itself; nothing owned yet."""
        agent = self.request.headers.get("user-agent", "unknown").partition("/")[0]
        manager = self.request.query.get("fieldManager") or agent
        writer = fields.Writer(manager, operation)
        return fields.Share(writer, self.kind.api_version, to_rfc3339(self.now), frozenset())


def is_terminating(namespace: Mapping[str, Any]) -> bool:
    """Whether a namespace was deleted and its contents are not collected yet."""
    return "deletionTimestamp" in namespace["metadata"]


def _is_left_alone(one: Object, uids: set[str]) -> bool:
    owners = one["metadata"].get("ownerReferences") or []
    known = {kind.name for kind in KINDS}
    return bool(owners) and all(owner["kind"] in known and owner["uid"] not in uids for owner in owners)


def _compared(whole: Object) -> Object:
    """An object but for its version and the instants of its writers."""
    metadata = {name: part for name, part in whole["metadata"].items() if name != "resourceVersion"}
    shares = fields.shares_of(whole)
    metadata["managedFields"] = {(share.writer, share.fields) for share in shares}
    return {**whole, "metadata": metadata}
