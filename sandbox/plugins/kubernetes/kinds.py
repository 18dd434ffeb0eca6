"""The types that the stand-in knows, as data. A new type is one line in KINDS."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sandbox.plugins.errors import PluginError


@dataclass(frozen=True)
class Kind:
    """A type of the SDK, its place in the API, and which changes replace its object.

    `replaced_by` are top-level fields that always replace. `contents` are those that an object with `immutable: true`
    cannot change; where `mutable_setting` is given they replace also on a provider without that setting, the new
    object first. `secret` fields are secret in inputs, outputs and state.
    """

    token: str
    api_version: str
    plural: str
    namespaced: bool = True
    replaced_by: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    mutable_setting: str | None = None
    secret: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As Kubernetes writes it: `Secret`."""
        return self.token.rsplit(":", 1)[1]

    def path(self, namespace: str | None) -> str:
        """Of the collection: `/api/v1/namespaces/authentik/secrets`."""
        root = "/apis" if "/" in self.api_version else "/api"
        within = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}/{self.api_version}{within}/{self.plural}"


@dataclass(frozen=True)
class Target:
    """One object: what it is and where. As text it is what errors call it: `Secret authentik/admin-token`."""

    kind: Kind
    namespace: str | None
    name: str

    @classmethod
    def of(cls, kind: Kind, inputs: Mapping[str, Any]) -> Self:
        """The object that checked and known inputs describe."""
        metadata = inputs["metadata"]
        return cls(kind, metadata.get("namespace") if kind.namespaced else None, metadata["name"])

    @classmethod
    def named(cls, kind: Kind, identifier: str) -> Self:
        """The object of a resource id, which is `namespace/name`, or `name` where there is no namespace."""
        namespace, _, name = identifier.rpartition("/")
        return cls(kind, (namespace or "default") if kind.namespaced else None, name)

    @property
    def identifier(self) -> str:
        """The resource id."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def path(self) -> str:
        """Of the object in the API."""
        return f"{self.kind.path(self.namespace)}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind.name} {self.identifier}"


_DATA = frozenset({"data"})
_ALL_DATA = frozenset({"data", "binaryData"})
_SECRET = frozenset({"data", "stringData"})
_TYPE = frozenset({"type"})

_LINES = (
    Kind("kubernetes:core/v1:Secret", "v1", "secrets", True, _TYPE, _DATA, "enableSecretMutable", _SECRET),
    Kind(
        "kubernetes:core/v1:ConfigMap", "v1", "configmaps", contents=_ALL_DATA, mutable_setting="enableConfigMapMutable"
    ),
    Kind("kubernetes:core/v1:Namespace", "v1", "namespaces", namespaced=False),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.token: kind for kind in _LINES})


def find(token: str) -> Kind:
    """The kind of a type token, also behind its parents' types. Raises PluginError for an unknown one."""
    token = token.rpartition("$")[2]
    if token not in KINDS:
        raise PluginError(
            f"{token}: the stand-in kubernetes plugin does not know this type, only {', '.join(KINDS)}. "
            "Install the real plugin (pulumi plugin install resource kubernetes), or add a line to KINDS in "
            "sandbox/plugins/kubernetes/kinds.py."
        )
    return KINDS[token]
