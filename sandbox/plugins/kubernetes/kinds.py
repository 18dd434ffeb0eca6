"""The types that the stand-in knows, as data. A new type is one line in KINDS."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sandbox.plugins.errors import PluginError


@dataclass(frozen=True)
class Kind:
    """A type of the SDK, its place in the API, and which changes replace its object.

    `replaced_by` are the dotted fields that always replace, with all below them. `contents` are those that an object
    with `immutable: true` cannot change; where `mutable_setting` is given they replace also on a provider without that
    setting, the new object first. `secret` fields are secret in inputs, outputs and state. The real plugin waits until
    what is `awaited` is ready. What `owns` others is deleted after them, which only a garbage collector can end.
    A `custom` one has no class of its own in the SDK; its definition must be installed in the cluster.
    """

    token: str
    plural: str
    namespaced: bool = True
    replaced_by: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    mutable_setting: str | None = None
    secret: frozenset[str] = frozenset()
    awaited: bool = False
    owns: bool = False
    custom: bool = False

    @property
    def api_version(self) -> str:
        """As Kubernetes writes it: `apps/v1`, and `v1` for the core group."""
        return self.token.split(":")[1].removeprefix("core/")

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


def _of(*fields: str) -> frozenset[str]:
    return frozenset(fields)


_RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
_ESO = "kubernetes:external-secrets.io"
_MONITORING = "kubernetes:monitoring.coreos.com/v1"
_JOB = _of("spec.completions", "spec.parallelism", "spec.selector", "spec.template")

_LINES = (
    Kind(
        "kubernetes:core/v1:Secret",
        "secrets",
        replaced_by=_of("type"),
        contents=_of("data"),
        mutable_setting="enableSecretMutable",
        secret=_of("data", "stringData"),
    ),
    Kind(
        "kubernetes:core/v1:ConfigMap",
        "configmaps",
        contents=_of("data", "binaryData"),
        mutable_setting="enableConfigMapMutable",
    ),
    Kind("kubernetes:core/v1:Namespace", "namespaces", namespaced=False),
    Kind("kubernetes:core/v1:Service", "services", replaced_by=_of("spec.clusterIP"), awaited=True),
    Kind("kubernetes:core/v1:ServiceAccount", "serviceaccounts"),
    Kind(f"{_RBAC}:Role", "roles"),
    Kind(f"{_RBAC}:RoleBinding", "rolebindings", replaced_by=_of("roleRef")),
    Kind(f"{_RBAC}:ClusterRole", "clusterroles", namespaced=False),
    Kind(f"{_RBAC}:ClusterRoleBinding", "clusterrolebindings", namespaced=False, replaced_by=_of("roleRef")),
    Kind("kubernetes:batch/v1:CronJob", "cronjobs", owns=True),
    Kind("kubernetes:batch/v1:Job", "jobs", replaced_by=_JOB, awaited=True, owns=True),
    Kind("kubernetes:apps/v1:Deployment", "deployments", replaced_by=_of("spec.selector"), awaited=True, owns=True),
    Kind("kubernetes:networking.k8s.io/v1:NetworkPolicy", "networkpolicies"),
    Kind("kubernetes:coordination.k8s.io/v1:Lease", "leases"),
    Kind(f"{_ESO}/v1:ExternalSecret", "externalsecrets", custom=True),
    Kind(f"{_ESO}/v1:SecretStore", "secretstores", custom=True),
    Kind(f"{_ESO}/v1:ClusterSecretStore", "clustersecretstores", namespaced=False, custom=True),
    Kind(f"{_ESO}/v1alpha1:PushSecret", "pushsecrets", custom=True),
    Kind(f"{_MONITORING}:PrometheusRule", "prometheusrules", custom=True),
    Kind(f"{_MONITORING}:ServiceMonitor", "servicemonitors", custom=True),
    Kind("kubernetes:kyverno.io/v1:ClusterPolicy", "clusterpolicies", namespaced=False, custom=True),
    Kind("kubernetes:pulumi.com/v1:Stack", "stacks", custom=True),
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
