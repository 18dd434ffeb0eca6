"""A simulated Kubernetes API: Namespaces, ConfigMaps, Secrets and Events, answered as a kube-apiserver answers them.

The traps that are real: an object is replaced without a question where no resourceVersion is given; a write that
changes nothing keeps the version; a list of a namespace that is not there is empty; a deleted namespace takes no more
objects and stays until its contents are collected. A test plays the same calls on a real server and compares.
Everybody may do everything: rights are tested on the real one. Not there: watches, json patches, collections' deletion.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

from rotation.backends.transport import Request, Response
from rotation.clock import Clock
from sandbox.apis import kubernetes_calls as views
from sandbox.apis.kubernetes_objects import KINDS, LARGEST_REQUEST, NAMESPACE, Kind, Object, refusal
from sandbox.apis.kubernetes_store import Call, Store
from sandbox.apis.routing import Router, answered

_Route = tuple[Kind, views.View]


class KubernetesApi:
    """One cluster. `calls` counts methods by path template; with a `seed` its uids are the same each time."""

    def __init__(self, clock: Clock, *, seed: int | None = None) -> None:
        self._clock = clock
        self._store = Store(random.Random(seed))  # noqa: S311 - uids are no secrets
        self._lock = threading.RLock()
        self.calls: Counter[tuple[str, str]] = Counter()
        for name in ("default", "kube-system"):
            self.add_namespace(name)

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe. `path` begins with `/api/v1/` or `/apis/events.k8s.io/v1/`."""
        with self._lock:
            now = self._clock()
            return answered(self._answer, request, now)

    def add_namespace(self, name: str) -> None:
        """Make a namespace, as somebody else would. Not counted."""
        body = json.dumps({"metadata": {"name": name}}).encode()
        with self._lock:
            request = Request("POST", "/api/v1/namespaces", body=body)
            views.create(Call(self._store, NAMESPACE, ("", ""), request, self._clock()))

    def objects(self, plural: str, namespace: str = "") -> list[Object]:
        """A look inside at `configmaps`, `secrets`, `events` or `namespaces`, by place. Not counted."""
        with self._lock:
            found = sorted(self._store.of(plural).items())
            return [deepcopy(one) for place, one in found if namespace in ("", place[0])]

    def forget_lists(self) -> None:
        """The server's compaction: the further pages of every list that was begun are 410 Expired."""
        with self._lock:
            self._store.pages.forget()

    def collect_garbage(self) -> None:
        """What controllers do in time: deleted namespaces end, and so does what is owned by nothing that is there.

        An owner of a kind that this server does not know counts as there.
        """
        with self._lock:
            self._store.collect_garbage()

    def _answer(self, request: Request, now: datetime) -> Response:
        if len(request.body) > LARGEST_REQUEST:
            message = f"Request entity too large: limit is {LARGEST_REQUEST}"
            raise refusal(413, "RequestEntityTooLarge", message)
        match = _ROUTES.match(request.method, request.path)
        self.calls[request.method, match.template if match else "*"] += 1
        if match is not None:
            kind, view = match.view
            place = (match.params.get("namespace", ""), match.params.get("name", ""))
            return view(Call(self._store, kind, place, request, now))
        if request.path.startswith("/api/v1/"):
            raise refusal(404, "NotFound", "the server could not find the requested resource", {})
        return Response(404, {"content-type": "text/plain; charset=utf-8"}, b"404 page not found\n")


def _routes() -> Iterator[tuple[tuple[str, str], _Route]]:
    for kind in KINDS:
        inside = "/namespaces/{namespace}" if kind.namespaced else ""
        resource = f"{kind.prefix}{inside}/{kind.plural}"
        yield ("GET", resource), (kind, views.list_all)
        yield ("POST", resource), (kind, views.create)
        if kind.namespaced:
            yield ("GET", f"{kind.prefix}/{kind.plural}"), (kind, views.list_all)
        one = f"{resource}/{{name}}"
        yield ("GET", one), (kind, views.look)
        yield ("PUT", one), (kind, views.replace)
        yield ("PATCH", one), (kind, views.patch)
        yield ("DELETE", one), (kind, views.delete)


_ROUTES: Router[_Route] = Router(dict(_routes()), other_method=(NAMESPACE, views.not_allowed))
