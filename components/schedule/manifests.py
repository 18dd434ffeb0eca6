"""Everything that the schedule is, in the order in which it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components.schedule.exporter import exporter
from components.schedule.jobs import Places, cron_jobs, lease, run_records
from components.schedule.network import network_policies
from components.schedule.pods import labels
from components.schedule.rights import READ, Right, roles
from components.schedule.settings import Job, Manifest, ScheduleSettings

PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Lease": "leases",
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs",
    "Deployment": "deployments",
    "Service": "services",
    "ServiceMonitor": "servicemonitors",
    "PrometheusRule": "prometheusrules",
    "NetworkPolicy": "networkpolicies",
    "ClusterPolicy": "clusterpolicies",
    "ExternalSecret": "externalsecrets",
    "SecretStore": "secretstores",
    "ClusterSecretStore": "clustersecretstores",
    "PushSecret": "pushsecrets",
    "Secret": "secrets",
}
"""How the API calls what the stack declares."""


def right_to(manifest: Manifest, verbs: tuple[str, ...] = READ) -> Right:
    """The right to these verbs on the object of a manifest."""
    group = manifest["apiVersion"].rpartition("/")[0]
    metadata = manifest["metadata"]
    return Right(metadata.get("namespace", ""), group, PLURALS[manifest["kind"]], metadata["name"], verbs)


def accounts(settings: ScheduleSettings) -> list[Manifest]:
    """A ServiceAccount for each job and the exporter. No pod gets its token unless its template asks for it."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": settings.namespace, "name": job.value, "labels": labels(job)},
            "automountServiceAccountToken": False,
        }
        for job in Job
    ]


def manifests(
    settings: ScheduleSettings,
    places: Places,
    rights: Mapping[Job, Iterable[Right]],
    urls: Iterable[str],
) -> list[Manifest]:
    """All objects of the schedule.

    rights: what each account may do (`needs.rights`)
    urls:   of the backends and of every other place that tokens are published to
    """
    granted = [role for job in Job for role in roles(job.value, settings.namespace, rights[job], labels(job))]
    return [
        *accounts(settings),
        lease(settings),
        run_records(places),
        *network_policies(settings, urls),
        *granted,
        *cron_jobs(settings, places),
        *exporter(settings, places),
    ]
