"""How runs happen by themselves: CronJobs, an exporter, and for each an account that may do what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.schedule.manifests import manifests
from components.schedule.needs import places, rights, urls
from components.schedule.rights import Right
from components.schedule.settings import Manifest, ScheduleSettings
from components.schedule.team_needs import bootstrap_accounts
from components.settings import Settings
from components.spread import spread

_CLASSES: dict[str, Any] = {
    "ServiceAccount": kubernetes.core.v1.ServiceAccount,
    "ConfigMap": kubernetes.core.v1.ConfigMap,
    "Service": kubernetes.core.v1.Service,
    "Lease": kubernetes.coordination.v1.Lease,
    "NetworkPolicy": kubernetes.networking.v1.NetworkPolicy,
    "Role": kubernetes.rbac.v1.Role,
    "RoleBinding": kubernetes.rbac.v1.RoleBinding,
    "ClusterRole": kubernetes.rbac.v1.ClusterRole,
    "ClusterRoleBinding": kubernetes.rbac.v1.ClusterRoleBinding,
    "CronJob": kubernetes.batch.v1.CronJob,
    "Deployment": kubernetes.apps.v1.Deployment,
}
_CUSTOM = "ServiceMonitor"


class RotationSchedule(pulumi.ComponentResource):
    """The schedule of one stack. A person with more rights than its jobs have applies a change of it.

    also: rights of the daily run on what other components declare
    """

    TYPE = "token-rotation:index:RotationSchedule"

    def __init__(
        self,
        name: str,
        settings: Settings,
        schedule: ScheduleSettings,
        *,
        stack: str,
        preferences_namespace: str,
        also: Sequence[Right] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(self.TYPE, name, None, opts)
        named = schedule if schedule.stack else schedule.model_copy(update={"stack": stack})
        found = places(settings, preferences_namespace)
        granted = rights(settings, named, found, also)
        declared = [*manifests(named, found, granted, urls(settings, named)), *bootstrap_accounts(settings)]
        self.objects = {_title(manifest): self._declare(manifest) for manifest in declared}
        self.register_outputs({})

    def _declare(self, manifest: Manifest) -> pulumi.Resource:
        """One object. What a job is and may do is deleted with the schedule, and never replaced under its name."""
        title = _title(manifest)
        opts = pulumi.ResourceOptions(parent=self)
        if manifest["kind"] == _CUSTOM:
            return kubernetes.apiextensions.CustomResource(
                title,
                api_version=manifest["apiVersion"],
                kind=manifest["kind"],
                metadata=manifest["metadata"],
                spec=manifest["spec"],
                opts=opts,
            )
        content = {name: part for name, part in self._spread(manifest).items() if name not in {"apiVersion", "kind"}}
        made: pulumi.Resource = _CLASSES[manifest["kind"]](title, opts=opts, **_arguments(content))
        return made

    def _spread(self, manifest: Manifest) -> Manifest:
        """A CronJob at the minute that was drawn for it, where its schedule leaves it open."""
        if manifest["kind"] != "CronJob":
            return manifest
        opts = pulumi.ResourceOptions(parent=self)
        schedule = spread(manifest["metadata"]["name"], manifest["spec"]["schedule"], opts)
        return {**manifest, "spec": {**manifest["spec"], "schedule": schedule}}


def _title(manifest: Manifest) -> str:
    """The resource's name in the state: kind and place, which are unique."""
    metadata = manifest["metadata"]
    place = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
    return f"schedule-{manifest['kind'].lower()}-{place}"


_SNAKE = {"roleRef": "role_ref", "automountServiceAccountToken": "automount_service_account_token"}


def _arguments(content: Manifest) -> Manifest:
    """The top fields as the SDK writes them; what is below is taken as Kubernetes writes it."""
    return {_SNAKE.get(name, name): part for name, part in content.items()}
