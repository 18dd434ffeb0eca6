"""Where an operational token lives: the Secret of its namespace, and what stands around it in the cluster.

A Secret is written only over what was read, so that of two writers one is refused and looks again. Whether a write
arrived is told by reading again, never guessed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from rotation.backends.api_client import ApiClient, understood
from rotation.errors import Conflict, NotFound, Refused, Unauthorised, Unavailable
from rotation.operator_tokens.listing import list_objects
from rotation.operator_tokens.record import RecordPlace, hash_of

TOKEN, PREVIOUS, NEXT = "token", "token-previous", "token-next"
KEYS = (TOKEN, PREVIOUS, NEXT)
"""`token-next` holds a successor for the moments in which it has no full life yet; consumers have no use for it."""
PREFIX = "token-rotation/"
TYPE_LABEL = f"{PREFIX}type"
OPERATOR_LABEL = f"{PREFIX}operator"
"""Whose records let a token in; where it is missing, they may be anybody's."""
HOLD_ANNOTATION = f"{PREFIX}auto-rotate"
"""A person's word: `false` holds what time alone asks for. It is theirs, so no write takes it away."""
LABELS = {
    "app.kubernetes.io/component": "token",
    "app.kubernetes.io/managed-by": "token-rotation",
    TYPE_LABEL: "operational",
}
WRITES = 4
"""How often a write is tried when no answer tells whether it arrived."""
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OF_OWNER = ("apiVersion", "kind", "name")
_Object = dict[str, Any]


class OwnerObject(BaseModel):
    """Whose deletion takes the operational Secret with it: an object in the team's namespace.

    api_version: as in `keycloak.example.com/v1`; written as `apiVersion`, too
    name:        its name; `{namespace}` in it stands for the team's
    plural:      as the API's paths call its kind; the kind in lower case and an s unless told
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_version: str = Field(
        pattern=r"^([-a-z0-9.]+/)?v[a-z0-9]+$", validation_alias=AliasChoices("apiVersion", "api_version")
    )
    kind: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")
    name: str = Field(pattern=r"^([-a-z0-9.]|\{namespace\})+$")
    plural: str = Field(default="", pattern=r"^[a-z0-9]*$")

    def name_in(self, namespace: str) -> str:
        """Its name in a team's namespace."""
        return self.name.replace("{namespace}", namespace)

    def path_in(self, namespace: str) -> str:
        """Where the API has it."""
        root = "apis" if "/" in self.api_version else "api"
        plural = self.plural or f"{self.kind.lower()}s"
        return f"/{root}/{self.api_version}/namespaces/{namespace}/{plural}/{self.name_in(namespace)}"

    def reference(self, namespace: str, uid: str) -> dict[str, Any]:
        """What the Secret says of it. Its deletion is never held up by the Secret."""
        told = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name_in(namespace), "uid": uid}
        return {**told, "blockOwnerDeletion": False}


@dataclass(frozen=True)
class OperationalSecret:
    """A Secret as it stands, or as it is to be; with no `version` there is none yet. Values appear in no repr.

    values:      what stands under KEYS
    annotations: ours, without their prefix
    is_held:     a person lets nothing be rotated, by HOLD_ANNOTATION
    labels:      those that LABELS names
    owners:      owner references, ours and others'
    whole:       the object as it was read, so that what others put beside stays
    """

    namespace: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_held: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[Mapping[str, Any], ...] = ()
    version: str = ""
    uid: str = ""
    whole: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def hash_at(self, key: str) -> str:
        """The SHA-256 of the value under a key; empty where there is none."""
        return hash_of(self.values[key]) if self.values.get(key) else ""

    def is_owned_by(self, owner: OwnerObject) -> bool:
        """Whether it names this owner."""
        wanted = owner.reference(self.namespace, "")
        return any(all(one.get(part) == wanted[part] for part in _OF_OWNER) for one in self.owners)

    def is_as(self, wanted: OperationalSecret) -> bool:
        """Whether it holds and tells what another one does."""
        return (self.values, self.annotations, self.labels, self.owners) == (
            wanted.values,
            wanted.annotations,
            wanted.labels,
            wanted.owners,
        )

    def holding(self, values: Mapping[str, str], annotations: Mapping[str, str]) -> OperationalSecret:
        """The same with these values and annotations, and our labels."""
        return replace(self, values=dict(values), annotations=dict(annotations), labels=LABELS)

    def owned_by(self, reference: Mapping[str, Any] | None) -> OperationalSecret:
        """The same with one more owner, in the place of one of that name."""
        if reference is None:
            return self
        others = [one for one in self.owners if any(one.get(part) != reference[part] for part in _OF_OWNER)]
        return replace(self, owners=(*others, reference))


def secret_name(namespace: str) -> str:
    """What the operational Secret of a namespace is called."""
    return f"{namespace}-operator-token"


def absent(namespace: str, name: str = "") -> OperationalSecret:
    """The operational Secret of a namespace that has none, or that nobody looks at. `name`: where it has its own."""
    return OperationalSecret(namespace, name or secret_name(namespace))


def refuse_strange_namespace(act: str, namespace: str) -> None:
    """Raise Refused for what cannot be the name of a namespace: it becomes a part of paths."""
    if not _NAMESPACE.fullmatch(namespace):
        raise Refused(act, f"{namespace!r} is no name of a namespace", "Write it as `kubectl get namespaces` does.")


class PublishedSecrets:
    """Reads and writes operational Secrets. Every failure is a BackendError of the client's; none shows a value.

    records: what the Secrets are to say of their operator; those of another one are passed over
    """

    def __init__(self, client: ApiClient, records: RecordPlace) -> None:
        self._client = client
        self._mark = {OPERATOR_LABEL: records.mark}

    def read(self, namespace: str) -> OperationalSecret:
        """The operational Secret of a namespace; without a version when there is none.

        With its namespace go the Roles by which we may read it: what is forbidden there is not there any more.
        """
        act = f"read the Secret {namespace}/{secret_name(namespace)}"
        try:
            return self._read(act, self._client.read(act, _path(namespace, secret_name(namespace))).json())
        except NotFound:
            return absent(namespace)
        except Unauthorised as error:
            if self.is_gone(namespace):
                return absent(namespace)
            remedy = f"Name {namespace} under `operator.namespaces`, and apply the schedule; or revoke the team."
            raise Unauthorised(act, error.cause, remedy, backend=self._client.backend) from None

    def labelled(self, namespace: str = "") -> list[OperationalSecret] | None:
        """Every Secret of this operator that is labelled operational, in one namespace or in all.

        None where we may not list them.
        """
        try:
            return list(self._listed(_path(namespace) if namespace else "/api/v1/secrets"))
        except Unauthorised:
            return None

    def put(self, before: OperationalSecret, wanted: OperationalSecret) -> OperationalSecret:
        """Write a Secret over what was read, read it back, and return it.

        Raises Conflict when somebody else wrote in between, Unavailable when no answer tells whether it arrived, and
        the client's typed errors.
        """
        act, body = f"write the Secret {wanted.namespace}/{wanted.name}", _body(wanted, before, self._mark)
        failed: Conflict | Unavailable | None = None
        for _ in range(WRITES):
            failed = self._tried(act, body, before)
            found = self.read(wanted.namespace)
            if found.is_as(wanted):
                return found
            if not isinstance(failed, Unavailable):
                break
        raise failed or Conflict(act, "somebody else wrote it meanwhile", backend=self._client.backend)

    def reference(self, owner: OwnerObject, namespace: str) -> Mapping[str, Any] | None:
        """What a Secret says of its owner; None where the owner is not there."""
        act = f"look up {owner.kind} {namespace}/{owner.name_in(namespace)}"
        try:
            found = self._client.read(act, owner.path_in(namespace)).json()
        except NotFound:
            return None
        with understood(act, self._client.backend):
            return owner.reference(namespace, str(found["metadata"]["uid"]))

    def is_gone(self, namespace: str) -> bool:
        """Whether a namespace was deleted, or is being deleted; False where we may not know."""
        act = f"look up the namespace {namespace}"
        try:
            found = self._client.read(act, f"/api/v1/namespaces/{namespace}").json()
        except NotFound:
            return True
        except Unauthorised:
            return False
        with understood(act, self._client.backend):
            return "deletionTimestamp" in found["metadata"]

    def _tried(self, act: str, body: _Object, before: OperationalSecret) -> Conflict | Unavailable | None:
        """Write once; what only a second look can settle is returned."""
        method, name = ("PUT", before.name) if before.version else ("POST", "")
        try:
            self._client.write(act, method, _path(before.namespace, name), body)
        except (Conflict, Unavailable) as error:
            return error
        except NotFound as error:
            if before.version:  # somebody deleted it since it was read
                return Conflict(act, error.cause, backend=self._client.backend)
            remedy = f"Create the namespace {before.namespace} first."
            raise Refused(act, error.cause, remedy, backend=self._client.backend) from None
        return None

    def _listed(self, path: str) -> Iterator[OperationalSecret]:
        act = "list the operational Secrets"
        found = list_objects(self._client, act, path, f"{TYPE_LABEL}={LABELS[TYPE_LABEL]}")
        return filter(self._is_ours, (self._read(act, one) for one in found))

    def _is_ours(self, secret: OperationalSecret) -> bool:
        labels = secret.whole["metadata"].get("labels") or {}
        return all(labels.get(name, mark) == mark for name, mark in self._mark.items())

    def _read(self, act: str, found: _Object) -> OperationalSecret:
        with understood(act, self._client.backend):
            metadata, data = found["metadata"], found.get("data") or {}
            annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
            ours = {key: text for key, text in annotations.items() if _is_told(key)}
            return OperationalSecret(
                namespace=metadata["namespace"],
                name=metadata["name"],
                values={key: _decoded(data[key]) for key in KEYS if key in data},
                annotations={key.removeprefix(PREFIX): text for key, text in ours.items()},
                is_held=str(annotations.get(HOLD_ANNOTATION, "")).strip().lower() == "false",
                labels={key: labels[key] for key in LABELS if key in labels},
                owners=tuple(metadata.get("ownerReferences") or ()),
                version=metadata["resourceVersion"],
                uid=metadata["uid"],
                whole=found,
            )


def _path(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/secrets" + (f"/{name}" if name else "")


def _body(wanted: OperationalSecret, before: OperationalSecret, mark: Mapping[str, str]) -> _Object:
    """The whole object: what others put beside our keys, labels and annotations stays."""
    whole = {"type": "Opaque", **before.whole, "apiVersion": "v1", "kind": "Secret"}
    metadata = dict(before.whole.get("metadata") or {})
    told = {key: text for key, text in (metadata.get("annotations") or {}).items() if not _is_told(key)}
    metadata |= {"name": wanted.name, "namespace": wanted.namespace}
    metadata["annotations"] = told | {f"{PREFIX}{key}": text for key, text in wanted.annotations.items()}
    metadata["labels"] = {**(metadata.get("labels") or {}), **wanted.labels, **mark}
    metadata["ownerReferences"] = [dict(one) for one in wanted.owners]
    others = {key: text for key, text in (before.whole.get("data") or {}).items() if key not in KEYS}
    data = others | {key: base64.b64encode(text.encode()).decode() for key, text in wanted.values.items()}
    return {**whole, "metadata": metadata, "data": data}


def _is_told(annotation: str) -> bool:
    return annotation.startswith(PREFIX) and annotation != HOLD_ANNOTATION


def _decoded(text: str) -> str:
    """A value as text; one that is none is no token of ours, whatever it is read as."""
    return base64.b64decode(text).decode(errors="replace")
