"""What each method of the simulated API server does with an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from rotation.backends.transport import Response, json_response
from rotation.clock import to_rfc3339
from sandbox.apis import kubernetes_fields as fields
from sandbox.apis.kubernetes_objects import (
    NAMESPACE,
    Object,
    judged,
    modified,
    owned,
    read,
    refusal,
    settled,
    shown,
    success,
)
from sandbox.apis.kubernetes_store import Call
from sandbox.apis.routing import Refusal

View = Callable[[Call], Response]
_PRECONDITIONS = (
    ("uid", "UID", "deleted and then recreated"),
    ("resourceVersion", "ResourceVersion", "modified"),
)
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


def look(call: Call) -> Response:
    """GET of one object."""
    return json_response(200, shown(call.kind, call.store.found(call.kind, call.place)))


def list_all(call: Call) -> Response:
    """GET of a resource, in one namespace or in all; a namespace that is not there holds nothing."""
    namespace = call.place[0]
    kept = call.store.of(call.kind.plural)
    inside = {place: one for place, one in kept.items() if not namespace or place[0] == namespace}
    what = f"{call.kind.plural} {namespace}"
    found, metadata = call.store.pages.page(what, inside, call.store.version, call.request.query, call.now)
    items = [shown(call.kind, one, listed=True) for one in found]
    body = {"kind": f"{call.kind.name}List", "apiVersion": call.kind.api_version, "metadata": metadata}
    return json_response(200, {**body, "items": items})


def create(call: Call) -> Response:
    """POST to a resource."""
    given = read(call.kind, call.body())
    metadata, namespace = given["metadata"], call.place[0]
    if metadata.get("namespace", namespace) != namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise refusal(400, "BadRequest", message)
    if metadata.get("resourceVersion"):
        raise refusal(500, "", "resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = call.store.free_name(metadata["generateName"])
    name = metadata.get("name", "")
    call.store.require_namespace(call.kind, (namespace, name))
    whole = _whole(call, given)
    judged(call.kind, whole, None)
    if call.store.find(call.kind, (namespace, name)) is not None:
        details = {"name": name, "kind": call.kind.plural}
        raise refusal(409, "AlreadyExists", f'{call.kind.plural} "{name}" already exists', details)
    whole = settled(call.kind, whole)
    return call.store.keep(call, whole, None, fields.updated({}, owned(call.kind, whole), [], call.share("Update")))


def replace(call: Call) -> Response:
    """PUT of a whole object. Without a resourceVersion it is not asked what stood there."""
    given = read(call.kind, call.body())
    _refuse_other_name(call, given)
    return _changed(call, call.store.found(call.kind, call.place), given)


def patch(call: Call) -> Response:
    """PATCH: a merge of an object that is there, or a server-side apply, which also makes one."""
    content_type = call.request.headers.get("content-type", "").partition(";")[0]
    if content_type == APPLY:
        return _apply(call)
    if content_type != MERGE:
        raise refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    before = call.store.found(call.kind, call.place)
    now = shown(call.kind, before)
    unversioned = {name: part for name, part in now["metadata"].items() if name != "resourceVersion"}
    given = read(call.kind, _merged({**now, "metadata": unversioned}, call.body()))
    _refuse_other_name(call, given)
    return _changed(call, before, given)


def delete(call: Call) -> Response:
    """DELETE of one object. A namespace stays until its contents are collected."""
    stored = call.store.found(call.kind, call.place)
    for name, label, happened in _PRECONDITIONS:
        wanted = ((call.body() or {}).get("preconditions") or {}).get(name)
        if wanted is not None and wanted != stored["metadata"][name]:
            cause = f"the {label} in the precondition ({wanted}) does not match the {label} in record"
            cause += f" ({stored['metadata'][name]}). The object might have been {happened}"
            message = f'Operation cannot be fulfilled on {call.kind.name} "{call.name}": {cause}'
            raise refusal(409, "Conflict", message, {"name": call.name, "kind": call.kind.name})
    if call.kind is not NAMESPACE:
        call.store.drop(call.kind, call.place)
        return success(call.kind, stored)
    ending = deepcopy(stored)
    ending["metadata"].setdefault("deletionTimestamp", to_rfc3339(call.now))
    ending["status"] = {"phase": "Terminating"}
    call.store.version += 1
    ending["metadata"]["resourceVersion"] = str(call.store.version)
    call.store.of("namespaces")[call.place] = ending
    return json_response(200, shown(call.kind, ending))


def not_allowed(_call: Call) -> Response:
    """A method that a known path does not know."""
    message = "the server does not allow this method on the requested resource"
    raise refusal(405, "MethodNotAllowed", message, {})


def _changed(call: Call, before: Object, given: Object) -> Response:
    uid = before["metadata"]["uid"]
    if given["metadata"].get("uid", uid) != uid:
        key = f"/registry/{call.kind.plural}/{'/'.join(part for part in call.place if part)}"
        cause = f"Precondition failed: UID in precondition: {given['metadata']['uid']}, UID in object meta: {uid}"
        cause = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {cause}"
        message = f'Operation cannot be fulfilled on {call.kind.plural} "{call.name}": {cause}'
        raise refusal(409, "Conflict", message, {"name": call.name, "kind": call.kind.plural})
    _refuse_other_version(call, given, before)
    whole = settled(call.kind, _whole(call, given))
    judged(call.kind, whole, before)
    shares = fields.shares_of(before)
    shares = fields.updated(owned(call.kind, before), owned(call.kind, whole), shares, call.share("Update"))
    return call.store.keep(call, whole, before, shares)


def _apply(call: Call) -> Response:
    given = _to_apply(call)
    before = call.store.find(call.kind, call.place)
    if before is None:
        call.store.require_namespace(call.kind, call.place)
    else:
        _refuse_other_version(call, given, before)
    live = before or {"metadata": {"name": call.name}}
    force = call.request.query.get("force") == "true"
    try:
        whole, shares = fields.applied(live, given, fields.shares_of(live), call.share("Apply"), force=force)
    except fields.ConflictError as conflict:
        raise _contested(conflict) from None
    whole = settled(call.kind, _whole(call, whole))
    judged(call.kind, whole, before)
    return call.store.keep(call, whole, before, shares)


def _to_apply(call: Call) -> Object:
    if not call.request.query.get("fieldManager"):
        message = "Required value: is required for apply patch"
        causes = [{"reason": "FieldValueRequired", "message": message, "field": "fieldManager"}]
        details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": causes}
        raise refusal(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {message}', details)
    body = call.body()
    if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
        raise refusal(400, "BadRequest", "invalid object type: /, Kind=")
    given = read(call.kind, body)
    given["metadata"].setdefault("name", call.name)
    _refuse_other_name(call, given)
    return given


def _contested(conflict: fields.ConflictError) -> Refusal:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": fields.shown(one)}
        for manager, one in conflict.causes
    ]
    told = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    number = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    return refusal(409, "Conflict", f"Apply failed with {number}: {told}", {"causes": causes})


def _refuse_other_name(call: Call, given: Object) -> None:
    name = given["metadata"].get("name", "")
    if not name:
        message = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise refusal(400, "BadRequest", message)
    if name != call.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        raise refusal(400, "BadRequest", message)


def _refuse_other_version(call: Call, given: Object, before: Object) -> None:
    wanted = given["metadata"].get("resourceVersion") or "0"  # "0" and none at all ask for no version
    if not wanted.isdigit():
        raise refusal(500, "", f'strconv.ParseUint: parsing "{wanted}": invalid syntax')
    if wanted != "0" and wanted != before["metadata"]["resourceVersion"]:
        raise modified(call.kind, call.name)


def _whole(call: Call, given: Object) -> Object:
    """The object without what a caller may not set."""
    kept = ("name", "generateName", "labels", "annotations", "ownerReferences", "finalizers")
    metadata = {name: part for name, part in given["metadata"].items() if name in kept}
    metadata |= {"namespace": call.place[0]} if call.place[0] else {}
    return {**deepcopy(given), "metadata": deepcopy(metadata)}


def _merged(target: Any, change: Any) -> Any:
    """A merge patch (RFC 7386): null takes away, maps merge, everything else replaces."""
    if not isinstance(change, Mapping):
        return change
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result
