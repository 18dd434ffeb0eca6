"""What one account may do with one object, and the Roles that say so.

Nothing is granted without a name but Events, and what `team_needs` tells.

Kubernetes cannot limit a POST by the name of the new object. But a server-side apply (a PATCH that may create) is asked
for by name, and the API server then wants the verb `create` for that very name. Every writer of ours applies. So a
`create` with `resourceNames` lets a run make the objects it is meant to make, and refuses every POST.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from components.schedule.settings import Manifest

READ = ("get",)
CHANGE = ("get", "patch")
KEEP = ("create", "get", "patch")
"""To apply an object again and again, and to make it where it is missing."""

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, order=True)
class Right:
    """Verbs on one object. namespace "" is a cluster-scoped object, group "" the core group.

    name "" is any object of the kind: Events, whose names nobody can know, and what `team_needs` tells.
    """

    namespace: str
    group: str
    resource: str
    name: str
    verbs: tuple[str, ...] = READ


def merged(rights: Iterable[Right]) -> list[Right]:
    """One right for each object, with all its verbs."""
    verbs: dict[tuple[str, str, str, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.namespace, right.group, right.resource, right.name), set()).update(right.verbs)
    return sorted(Right(*place, tuple(sorted(found))) for place, found in verbs.items())


def roles(account: str, home: str, rights: Iterable[Right], labels: dict[str, str]) -> list[Manifest]:
    """A Role and its binding for each namespace, and a ClusterRole where an object has none.

    home: the namespace of the account; where another schedule may keep Roles, too, they are named after it
    """
    made = []
    for namespace, group in groupby(merged(rights), key=lambda right: right.namespace):
        name = account if namespace == home else f"{account}.{home}"
        metadata = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
        kind = "Role" if namespace else "ClusterRole"
        made.append({"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": _rules(list(group))})
        made.append(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": home}],
            }
        )
    return made


def _rules(rights: list[Right]) -> list[Manifest]:
    """One rule for all objects of a kind with which the same may be done."""
    names: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for right in rights:
        names.setdefault((right.group, right.resource, right.verbs), []).append(right.name)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        | ({} if "" in found else {"resourceNames": sorted(found)})
        for (group, resource, verbs), found in names.items()
    ]
