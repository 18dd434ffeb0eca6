"""Calls to a Kubernetes API as stories, told to the simulated server and to a real one alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rotation.backends.transport import Request, Response, Transport

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
JSON = "application/json"
_EXACT = {404, 409, 413, 403, 405, 415}
"""Refusals whose messages are compared, too; those of a validation are long and only their causes are."""
_UNLIKE = {"uid", "creationTimestamp", "time", "deletionTimestamp"}


class Teller:
    """Tells a story to one server, in a namespace of its own, and keeps the answers in a form that can be compared."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self.namespace = namespace
        self._inside = f"/api/v1/namespaces/{namespace}"
        self.answers: list[tuple[str, int, Any]] = []
        self._versions: dict[str, str] = {}

    def say(
        self, method: str, path: str, body: object = None, *, kind: str = JSON, asks: Mapping[str, str] | None = None
    ) -> Any:
        """One call. A path that does not begin with a slash is below the namespace. Returns the answer as JSON."""
        whole = path if path.startswith("/") else f"{self._inside}/{path}"
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": kind, "user-agent": "teller/1"}
        response = self._transport(Request(method, whole, dict(asks or {}), headers, sent))
        self.answers.append((f"{method} {path}", response.status, self._plain(response)))
        return json.loads(response.body) if response.body.startswith(b"{") else None

    def _plain(self, response: Response) -> Any:
        text = response.body.decode().replace(self.namespace, "HERE")
        if not text.startswith("{"):
            return text.strip()
        body = json.loads(text)
        if body.get("kind") == "Status" and response.status not in _EXACT:
            body.pop("message", None)
            for cause in body.get("details", {}).get("causes", []):
                cause.pop("message")
        return self._without_chance(body)

    def _without_chance(self, part: Any) -> Any:
        """Without what differs between two servers; versions become the order in which they were seen."""
        if isinstance(part, list):
            return sorted((self._without_chance(one) for one in part), key=json.dumps)
        if isinstance(part, str):
            return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", part)
        if not isinstance(part, dict):
            return part
        plain = {name: self._without_chance(one) for name, one in part.items() if name not in _UNLIKE}
        if "resourceVersion" in plain:
            seen = self._versions
            plain["resourceVersion"] = seen.setdefault(plain["resourceVersion"], f"version {len(seen)}")
        if "continue" in plain:
            plain["continue"] = "TOKEN"
        return plain


def a_named(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    """An object with a name; parts of its metadata are given as `metadata=`."""
    metadata = {"name": name, **parts.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


def creating(teller: Teller) -> None:
    """What POST makes and what it refuses."""
    maps = "configmaps"
    teller.say("GET", f"{maps}/a")
    teller.say("POST", maps, a_named("ConfigMap", "a", data={"k": "v"}, metadata={"labels": {"x": "y"}}))
    teller.say("GET", f"{maps}/a")
    teller.say("POST", maps, {"metadata": {"name": "a"}})
    teller.say("POST", maps, {"metadata": {}})
    teller.say("POST", maps, {"metadata": {"name": "Bad_Name"}})
    teller.say("POST", maps, {"metadata": {"name": "b"}, "data": {"bad key": "v"}})
    teller.say("POST", maps, {"metadata": {"name": "b", "labels": {"x": "bad value!"}}})
    teller.say("POST", maps, {"metadata": {"name": "b"}, "data": {"k": 1}})
    teller.say("POST", maps, {"metadata": {"name": "b", "namespace": "other"}})
    teller.say("POST", maps, {"metadata": {"name": "b", "resourceVersion": "5"}})
    teller.say("POST", maps, a_named("Secret", "b"))
    teller.say("POST", maps, b"{no json")
    teller.say("POST", maps, {"metadata": {"name": "b"}, "data": {"k": "x" * 1_048_577}})
    teller.say("POST", maps, {"metadata": {"name": "b"}, "data": {"k": "x" * 3_200_000}})
    owners = [{"kind": "ConfigMap", "name": "a", "uid": "u"}]
    teller.say("POST", maps, {"metadata": {"name": "b", "ownerReferences": owners}})
    teller.say("POST", "/api/v1/namespaces/is-not-there/configmaps", {"metadata": {"name": "a"}})


def replacing(teller: Teller) -> None:
    """PUT: over what was read, over what somebody changed since, over nothing, and without asking."""
    first = teller.say("POST", "configmaps", {"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "v"}})
    teller.say("PUT", "configmaps/a", {**first, "data": {"k": "w", "n": "m"}})
    teller.say("PUT", "configmaps/a", {**first, "data": {"k": "late"}})
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "a"}, "data": {"k": "unasked"}})
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "a", "resourceVersion": "0"}, "data": {"k": "zero"}})
    same = teller.say("GET", "configmaps/a")
    teller.say("PUT", "configmaps/a", same)
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "a"}, "data": {"k": "zero"}}, asks={"fieldManager": "m"})
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "a", "uid": "0000"}})
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "a", "resourceVersion": "abc"}})
    teller.say("PUT", "configmaps/a", {"metadata": {"name": "b"}})
    teller.say("PUT", "configmaps/a", {"metadata": {}})
    teller.say("PUT", "configmaps/none", {"metadata": {"name": "none"}})
    teller.say("DELETE", "configmaps/a")
    teller.say("PUT", "configmaps/a", same)
    teller.say("POST", "configmaps", {"metadata": {"name": "a"}})
    teller.say("PUT", "configmaps/a", same)


def merging(teller: Teller) -> None:
    """Merge patches: null takes away, a version may be asked for, nothing is made."""
    teller.say("POST", "configmaps", {"metadata": {"name": "a"}, "data": {"k": "v", "n": "m"}})
    teller.say("PATCH", "configmaps/a", {"data": {"k": None, "o": "p"}}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", {"metadata": {"annotations": {"q": "r"}}}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", {"data": None}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", {"metadata": {"resourceVersion": "5"}, "data": {"a": "b"}}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", {"metadata": {"name": "b"}}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", {"data": {"a": "b"}}, kind=JSON)
    teller.say("PATCH", "configmaps/none", {"data": {"a": "b"}}, kind=MERGE)


def applying(teller: Teller) -> None:
    """Server-side apply: makes, takes back what is applied no more, and refuses what another owns unless forced."""
    one, two, forced = {"fieldManager": "one"}, {"fieldManager": "two"}, {"fieldManager": "two", "force": "true"}
    full = a_named("ConfigMap", "a", data={"k": "v", "n": "m"}, metadata={"labels": {"x": "y"}})
    teller.say("PATCH", "configmaps/a", full, kind=APPLY)
    teller.say("PATCH", "configmaps/a", full, kind=APPLY, asks=one)
    teller.say("PATCH", "configmaps/a", full, kind=APPLY, asks=one)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a", data={"k": "v"}), kind=APPLY, asks=one)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a", data={"k": "v"}), kind=APPLY, asks=two)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a", data={"k": "w"}), kind=APPLY, asks=two)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a", data={"k": "w", "t": "u"}), kind=APPLY, asks=forced)
    teller.say("PATCH", "configmaps/a", {"data": {"t": "by hand"}}, kind=MERGE)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a", data={"t": "mine"}), kind=APPLY, asks=two)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "a"), kind=APPLY, asks=two)
    stale = a_named("ConfigMap", "a", metadata={"resourceVersion": "5"})
    teller.say("PATCH", "configmaps/a", stale, kind=APPLY, asks=two)
    teller.say("PATCH", "configmaps/a", {"metadata": {"name": "a"}}, kind=APPLY, asks=one)
    teller.say("PATCH", "configmaps/a", a_named("ConfigMap", "other"), kind=APPLY, asks=one)
    teller.say("PATCH", "/api/v1/namespaces/is-not-there/configmaps/a", full, kind=APPLY, asks=one)


def keeping_secrets(teller: Teller) -> None:
    """Secrets: stringData becomes data, type and what is immutable stay, owners are owned one by one."""
    one, two = {"fieldManager": "one"}, {"fieldManager": "two", "force": "true"}
    made = teller.say("POST", "secrets", {"metadata": {"name": "s"}, "stringData": {"t": "v"}, "data": {"d": "dg=="}})
    teller.say("PUT", "secrets/s", {**made, "type": "other"})
    teller.say("PUT", "secrets/s", {**made, "immutable": True})
    teller.say("PATCH", "secrets/s", {"data": {"d": "eA=="}}, kind=MERGE)
    teller.say("POST", "secrets", {"metadata": {"name": "bad"}, "data": {"d": "no base64!"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "1-1"}
    owned = {"ownerReferences": [owner], "annotations": {"a": "b"}}
    whole = a_named("Secret", "o", type="Opaque", stringData={"t": "v"}, metadata=owned)
    teller.say("PATCH", "secrets/o", whole, kind=APPLY, asks=one)
    teller.say("PATCH", "secrets/o", a_named("Secret", "o", stringData={"t": "w"}), kind=APPLY, asks=two)
    teller.say("PATCH", "secrets/o", a_named("Secret", "o", data={"p": "eA=="}), kind=APPLY, asks=two)
    teller.say("PATCH", "secrets/o", a_named("Secret", "o", metadata={"annotations": {"a": "b"}}), kind=APPLY, asks=one)


def listing(teller: Teller) -> None:
    """Lists: pages show the instant of the first one; selectors choose; what is not there is empty."""
    for number in range(5):
        labels = {"even": str(number % 2 == 0).lower(), "example.com/set": "one"}
        teller.say("POST", "configmaps", {"metadata": {"name": f"n{number}", "labels": labels}})
    query = {"limit": "2", "labelSelector": "example.com/set=one"}
    token = teller.say("GET", "configmaps", asks=query)["metadata"]["continue"]
    teller.say("POST", "configmaps", {"metadata": {"name": "n2b", "labels": {"example.com/set": "one"}}})
    teller.say("DELETE", "configmaps/n3")
    token = teller.say("GET", "configmaps", asks={**query, "continue": token})["metadata"]["continue"]
    teller.say("GET", "configmaps", asks={**query, "continue": token})
    teller.say("GET", "configmaps", asks={"limit": "4"})
    for selector in _SELECTORS:
        teller.say("GET", "configmaps", asks={"labelSelector": selector})
    teller.say("GET", "configmaps", asks={"limit": "x"})
    teller.say("GET", "configmaps", asks={"continue": "rubbish"})
    teller.say("GET", "/api/v1/namespaces/is-not-there/configmaps")


_SELECTORS = (
    *("even=true", "even==true", "even!=true", "even", "!even", "even in (true,none)", "even notin (true)"),
    *("even=true,example.com/set=one", "even=", "even=a b", "even=true,", "=true"),
)


def events(teller: Teller) -> None:
    """Events stand under two groups with other words, and regard only what is in their own namespace."""
    group = f"/apis/events.k8s.io/v1/namespaces/{teller.namespace}/events"
    regarded = {"kind": "Secret", "namespace": teller.namespace, "name": "s"}
    told = {"action": "Rotate", "reason": "NearingExpiry", "type": "Normal", "note": "it is due"}
    told |= {"eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "c", "reportingInstance": "i"}
    teller.say("POST", group, {"metadata": {"name": "e"}, "regarding": regarded, **told})
    teller.say("POST", group, {"metadata": {"name": "f"}, "regarding": regarded, **told, "type": "Weird"})
    core = {"reason": "R", "message": "m", "type": "Normal"}
    teller.say("POST", "events", {"metadata": {"name": "g"}, "involvedObject": regarded, **core})
    teller.say("POST", "events", {"metadata": {"name": "h"}, "involvedObject": {**regarded, "namespace": "x"}, **core})
    teller.say("GET", "events")
    teller.say("GET", group)


def ending(teller: Teller) -> None:
    """Deletion asks for preconditions; a namespace that is deleted takes no new objects; paths that lead nowhere."""
    teller.say("POST", "configmaps", {"metadata": {"name": "a"}})
    teller.say("DELETE", "configmaps/a", {"preconditions": {"uid": "1"}})
    teller.say("DELETE", "configmaps/a")
    teller.say("DELETE", "configmaps/a")
    teller.say("POST", "configmaps/a", {})
    teller.say("PUT", "configmaps", {})
    teller.say("GET", "/api/v1/nonsense")
    teller.say("GET", "/nonsense")
    whole = f"/api/v1/namespaces/{teller.namespace}"
    teller.say("GET", whole)
    teller.say("PATCH", whole, {"metadata": {"labels": {"t": "u"}}}, kind=MERGE)
    teller.say("POST", "/api/v1/namespaces", {"metadata": {"name": teller.namespace}})
    teller.say("POST", "/api/v1/namespaces", {"metadata": {"name": "Bad_Name"}})
    teller.say("DELETE", whole)
    teller.say("POST", "configmaps", {"metadata": {"name": "late"}})


STORIES: tuple[Callable[[Teller], None], ...] = (
    creating,
    replacing,
    merging,
    applying,
    keeping_secrets,
    listing,
    events,
    ending,
)
