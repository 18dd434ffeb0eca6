"""The kinds of objects that the simulated API server knows, what it refuses of them, and its refusals' shape."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.routing import Refusal

Object = dict[str, Any]
LARGEST_DATA = 1_048_576
LARGEST_REQUEST = 3_145_728
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_OF_EVENTS = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_BLANKS: Object = {
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


_NOWHERE = object()


@dataclass(frozen=True)
class Kind:
    """One kind under one API version. Events are under two, and are the same objects."""

    name: str
    plural: str
    api_version: str = "v1"
    namespaced: bool = True

    @property
    def prefix(self) -> str:
        """Where its paths begin."""
        return f"/{'apis' if '/' in self.api_version else 'api'}/{self.api_version}"


NAMESPACE = Kind("Namespace", "namespaces", namespaced=False)
KINDS = (
    NAMESPACE,
    Kind("ConfigMap", "configmaps"),
    Kind("Secret", "secrets"),
    Kind("Event", "events"),
    Kind("Event", "events", "events.k8s.io/v1"),
)


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with an object: a reason, the field, and a sentence."""

    reason: str
    field: str
    message: str


def refusal(code: int, reason: str, message: str, details: Object | None = None) -> Refusal:
    """Ends a request with a Status."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    status |= {"reason": reason} if reason else {}
    status |= {} if details is None else {"details": details}
    return Refusal(code, {**status, "code": code})


def success(kind: Kind, stored: Object) -> Response:
    """The Status of a deletion."""
    details = {"name": stored["metadata"]["name"], "kind": kind.plural, "uid": stored["metadata"]["uid"]}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json_response(200, body)


def absent(plural: str, name: str) -> Refusal:
    """404, with the object's name: that of a path that leads nowhere names none."""
    return refusal(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


def modified(kind: Kind, name: str) -> Refusal:
    """409: it is not what was read any more."""
    cause = "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.plural} "{name}": {cause}'
    return refusal(409, "Conflict", message, {"name": name, "kind": kind.plural})


def invalid(kind: Kind, name: str, causes: list[Cause]) -> Refusal:
    """422, with each thing that is wrong."""
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    message = f'{kind.name} "{name}" is invalid: {causes[0].field}: {causes[0].message}'
    details = {"name": name, "kind": kind.name, "causes": listed} if name else {"kind": kind.name, "causes": listed}
    return refusal(422, "Invalid", message, details)


def read(kind: Kind, body: Any) -> Object:
    """What a request holds, in the form in which it is kept. Raises Refusal 400 for what is no such object."""
    if not isinstance(body, dict):
        raise refusal(400, "BadRequest", f"the object provided is unrecognized (must be of type {kind.name})")
    version, name = body.get("apiVersion", kind.api_version), body.get("kind", kind.name)
    if (version, name) != (kind.api_version, kind.name):
        message = f'{name} in version "{version}" cannot be handled as a {kind.name}: unknown conversion'
        raise refusal(400, "BadRequest", message)
    body = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}
    body["metadata"] = dict(body.get("metadata") or {})
    return _of_core(body) if kind.plural == "events" else _data_read(kind, body)


def shown(kind: Kind, stored: Object, *, listed: bool = False) -> Object:
    """An object as it is answered; in a list the kind is told once, for all."""
    told = {} if listed else {"kind": kind.name, "apiVersion": kind.api_version}
    return {**told, **(_of_events_group(stored) if "/" in kind.api_version else stored)}


def owned(kind: Kind, stored: Object) -> Object:
    """An object as its fields are owned: by the words of its group, without what only the server fills in."""
    if kind.plural != "events":
        return stored
    told = {name: value for name, value in stored.items() if _EVENT_BLANKS.get(name, _NOWHERE) != value}
    return shown(kind, told, listed=True)


def judged(kind: Kind, whole: Object, before: Object | None) -> None:
    """Raises Refusal 422 for what may not be stored."""
    causes = list(_wrong(kind, whole))
    if not causes and before is not None:
        causes = list(_wrong_change(whole, before))
    if causes:
        raise invalid(kind, whole["metadata"].get("name", ""), causes)


def settled(kind: Kind, whole: Object) -> Object:
    """The object with what the server adds, and without empty maps."""
    whole = {key: value for key, value in whole.items() if value not in ({}, None)}
    whole["metadata"] = {key: value for key, value in whole["metadata"].items() if value not in ({}, [], None, "")}
    if kind.name == "Secret":
        given = {key: base64.b64encode(text.encode()).decode() for key, text in whole.pop("stringData", {}).items()}
        whole |= {"data": {**whole.get("data", {}), **given}} if given else {}
        whole["type"] = whole.get("type") or "Opaque"
    if kind.name == "Event":
        whole = {**_EVENT_BLANKS, **whole}
    if kind is NAMESPACE:
        labels = {**whole["metadata"].get("labels", {}), "kubernetes.io/metadata.name": whole["metadata"]["name"]}
        whole["metadata"]["labels"] = labels
        whole |= {"spec": {"finalizers": ["kubernetes"]}, "status": whole.get("status") or {"phase": "Active"}}
    return whole


def _data_read(kind: Kind, body: Object) -> Object:
    for name in ("data", "stringData", "binaryData"):
        for value in (body.get(name) or {}).values():
            if not isinstance(value, str):
                cause = f"json: cannot unmarshal into Go struct field {kind.name}.{name} of type string"
                raise _unfit(kind, cause)
            if kind.name == "Secret" and name == "data" and not _is_base64(value):
                raise _unfit(kind, "illegal base64 data at input byte 0")
    return body


def _unfit(kind: Kind, cause: str) -> Refusal:
    message = f'{kind.name} in version "{kind.api_version}" cannot be handled as a {kind.name}: {cause}'
    return refusal(400, "BadRequest", message)


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def _wrong(kind: Kind, whole: Object) -> Iterator[Cause]:
    metadata = whole["metadata"]
    name, pattern = metadata.get("name", ""), _SUBDOMAIN if kind.namespaced else _LABEL
    if not name:
        yield Cause("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
    elif not pattern.fullmatch(name):
        yield Cause("FieldValueInvalid", "metadata.name", f'Invalid value: "{name}": it is no RFC 1123 name')
    for value in (metadata.get("labels") or {}).values():
        if not _LABEL_VALUE.fullmatch(value):
            yield Cause("FieldValueInvalid", "metadata.labels", f'Invalid value: "{value}": it is no label')
    for number, owner in enumerate(metadata.get("ownerReferences") or []):
        for part in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(part):
                place = f"metadata.ownerReferences[{number}].{part}"
                yield Cause("FieldValueRequired", place, "Required value: must not be empty")
    yield from _wrong_event(whole) if kind.name == "Event" else _wrong_data(whole)


def _wrong_data(whole: Object) -> Iterator[Cause]:
    size = 0
    for name in ("data", "binaryData"):
        for key, value in (whole.get(name) or {}).items():
            size += len(value.encode())
            if not _DATA_KEY.fullmatch(key):
                yield Cause("FieldValueInvalid", f"{name}[{key}]", f'Invalid value: "{key}": it is no config key')
    if size > LARGEST_DATA:
        yield Cause("FieldValueTooLong", "[]", f"Too long: may not be more than {LARGEST_DATA} bytes")


def _wrong_event(whole: Object) -> Iterator[Cause]:
    regarded = (whole.get("involvedObject") or {}).get("namespace", "")
    if regarded != whole["metadata"]["namespace"]:
        message = f'Invalid value: "{regarded}": does not match event.namespace'
        yield Cause("FieldValueInvalid", "involvedObject.namespace", message)
    if whole.get("eventTime") and whole.get("type") not in ("Normal", "Warning"):
        yield Cause("FieldValueInvalid", "type", f'Invalid value: "": has invalid value: {whole.get("type", "")}')


def _wrong_change(whole: Object, before: Object) -> Iterator[Cause]:
    if before.get("type") != whole.get("type"):
        yield Cause("FieldValueInvalid", "type", f'Invalid value: "{whole.get("type")}": field is immutable')
    if not before.get("immutable"):
        return
    forbidden = "Forbidden: field is immutable when `immutable` is set"
    for name in ("immutable", "data", "binaryData"):
        if before.get(name) != whole.get(name):
            yield Cause("FieldValueForbidden", name, forbidden)


def _of_core(body: Mapping[str, Any]) -> Object:
    core = {theirs: ours for ours, theirs in _OF_EVENTS.items()}
    return {core.get(name, name): value for name, value in body.items()}


def _of_events_group(stored: Mapping[str, Any]) -> Object:
    blank = {"reportingComponent", "reportingInstance"}
    told = {name: value for name, value in stored.items() if value or name not in blank}
    return {_OF_EVENTS.get(name, name): value for name, value in told.items()}
