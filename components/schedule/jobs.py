"""The three CronJobs, the Lease that lets one of them run at a time, and the ConfigMap of what they left behind."""

from __future__ import annotations

from dataclasses import dataclass

from components.schedule.pods import PASSPHRASE_FILE, labels, pod, runs_pulumi
from components.schedule.settings import Job, Manifest, ScheduleSettings
from rotation.durations import format_duration
from rotation.run_record import runs_name

LEASE = "token-rotation"
CRON_JOBS = (Job.RUN, Job.VALIDATION, Job.RETIREMENT)
_VERBS = {Job.RUN: "run", Job.VALIDATION: "validate", Job.RETIREMENT: "retire"}
_NO_RETRY = [2, 3, 5]  # refused input; needs a person; waits for a first credential
_KEPT = 3


@dataclass(frozen=True)
class Places:
    """Where the jobs find what the stack keeps in the cluster, each as (namespace, name).

    receipts: the ConfigMap of receipts
    settings: the Secret of the resolved preferences
    records:  an operator's records, by the name that all of theirs begin with; None without an operator
    """

    receipts: tuple[str, str]
    settings: tuple[str, str]
    records: tuple[str, str] | None = None

    @property
    def runs(self) -> tuple[str, str]:
        """The ConfigMap of run records."""
        return (self.receipts[0], runs_name(self.receipts[1]))


def cron_jobs(settings: ScheduleSettings, places: Places) -> list[Manifest]:
    """The daily run, the validation and the retirement."""
    return [_cron_job(settings, places, job) for job in CRON_JOBS]


def lease(settings: ScheduleSettings) -> Manifest:
    """The Lease of all runs. The stack makes it, so that no job needs to create one."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": settings.namespace, "name": LEASE, "labels": labels(Job.RUN)},
    }


def run_records(places: Places) -> Manifest:
    """The ConfigMap of run records, without entries: each job applies its own, and none needs to create it."""
    namespace, name = places.runs
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, "labels": labels(Job.RUN)},
    }


def _cron_job(settings: ScheduleSettings, places: Places, job: Job) -> Manifest:
    timing = settings.timing(job)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"namespace": settings.namespace, "name": job.value, "labels": labels(job)},
        "spec": {
            "schedule": timing.schedule,
            "timeZone": settings.time_zone,
            "concurrencyPolicy": "Forbid",
            "suspend": settings.suspend or timing.suspend,
            "startingDeadlineSeconds": int(timing.starting_deadline.total_seconds()),
            "successfulJobsHistoryLimit": _KEPT,
            "failedJobsHistoryLimit": _KEPT,
            "jobTemplate": {"metadata": {"labels": labels(job)}, "spec": _job(settings, places, job)},
        },
    }


def _job(settings: ScheduleSettings, places: Places, job: Job) -> Manifest:
    timing = settings.timing(job)
    template = pod(settings, job, _arguments(settings, job), _environment(settings, places, job))
    template["spec"]["restartPolicy"] = "Never"
    return {
        "activeDeadlineSeconds": int(timing.deadline.total_seconds()),
        "backoffLimit": timing.retries,
        "ttlSecondsAfterFinished": int(settings.kept_for.total_seconds()),
        "podFailurePolicy": {
            "rules": [
                # A pod that was moved away did not fail.
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": job.name.lower(), "operator": "In", "values": _NO_RETRY},
                },
            ]
        },
        "template": template,
    }


def _arguments(settings: ScheduleSettings, job: Job) -> list[str]:
    limit = ["--limit", format_duration(settings.timing(job).limit)] if runs_pulumi(job) else []
    return [_VERBS[job], *limit]


def _environment(settings: ScheduleSettings, places: Places, job: Job) -> dict[str, str]:
    told = {
        "TOKEN_ROTATION_RECEIPTS": "/".join(places.receipts),
        "TOKEN_ROTATION_SETTINGS": "/".join(places.settings),
    }
    if runs_pulumi(job):
        told["TOKEN_ROTATION_LEASE"] = f"{settings.namespace}/{LEASE}"
        told |= _pulumi(settings)
    elif settings.vault_role:
        told["TOKEN_ROTATION_VAULT_ROLE"] = settings.vault_role
    return told


def _pulumi(settings: ScheduleSettings) -> dict[str, str]:
    """State, stack, secrets and plugins are named, and nothing is fetched."""
    told = {
        "PULUMI_STACK": settings.stack,
        "PULUMI_HOME": settings.plugins,
        "PULUMI_CREDENTIALS_PATH": "/home/rotator",
        "PULUMI_DYNAMIC_TF_PLUGIN_CACHE_DIR": f"{settings.plugins}/dynamic_tf_plugins",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    if settings.state.url:
        told["PULUMI_BACKEND_URL"] = settings.state.url
    if settings.passphrase:
        told["PULUMI_CONFIG_PASSPHRASE_FILE"] = PASSPHRASE_FILE
    return told
