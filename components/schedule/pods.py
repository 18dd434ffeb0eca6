"""A pod that the level `restricted` of Pod Security accepts: no root, nothing writable but what is meant to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.schedule.settings import Job, KeyOfSecret, Manifest, ScheduleSettings

PROJECT = "/app"
"""The folder of Pulumi.yaml in the image."""

PASSPHRASE_FILE = "/etc/token-rotation/passphrase"  # noqa: S105 - a path
_USER = 65532  # what the Dockerfile's USER is
_WRITABLE = {"home": "/home/rotator", "tmp": "/tmp"}  # noqa: S108 - a volume of the pod's own
_GRACE_SECONDS = 60  # a run that is asked to end lets its CLI save what is done


def labels(job: Job) -> dict[str, str]:
    """The labels of everything that belongs to one job."""
    return {
        "app.kubernetes.io/name": job.value,
        "app.kubernetes.io/component": job.name.lower(),
        "app.kubernetes.io/part-of": "token-rotation",
        "app.kubernetes.io/managed-by": "token-rotation",
    }


def pod(settings: ScheduleSettings, job: Job, arguments: Sequence[str], environment: Mapping[str, str]) -> Manifest:
    """The template of one job's pods: `tokens` with these arguments, these plain variables, and its credentials."""
    spec = {
        "serviceAccountName": job.value,
        "automountServiceAccountToken": True,  # each of them reads the Kubernetes API
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": _pod_security(),
        "containers": [_container(settings, job, arguments, environment)],
        "volumes": _volumes(settings, job),
    }
    if settings.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    metadata: Manifest = {"labels": {**settings.pod_labels, **labels(job)}}
    if settings.pod_annotations:
        metadata["annotations"] = settings.pod_annotations
    return {"metadata": metadata, "spec": spec}


def _container(
    settings: ScheduleSettings, job: Job, arguments: Sequence[str], environment: Mapping[str, str]
) -> Manifest:
    plain = {
        "HOME": _WRITABLE["home"],
        "USER": "rotator",  # the CLI asks for it where the image's user has no entry in passwd
        "TMPDIR": _WRITABLE["tmp"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **environment,
        **settings.environment,
    }
    return {
        "name": job.name.lower(),
        "image": settings.image,
        "command": ["tokens"],
        "args": list(arguments),
        "workingDir": PROJECT,
        "env": [*({"name": name, "value": text} for name, text in plain.items()), *_from_secrets(settings, job)],
        "resources": {"requests": settings.requests, "limits": settings.limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(settings, job),
    }


def runs_pulumi(job: Job) -> bool:
    """Whether a job runs the program, and so is given state, passphrase and plugins."""
    return job in {Job.RUN, Job.RETIREMENT}


def _from_secrets(settings: ScheduleSettings, job: Job) -> list[Manifest]:
    named: dict[str, KeyOfSecret] = {
        name: credential for name, credential in settings.credentials.items() if credential.given_to(job)
    }
    if settings.state.secret and runs_pulumi(job):
        named["PULUMI_BACKEND_URL"] = settings.state.secret
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": source.name, "key": source.key}}}
        for name, source in named.items()
    ]


def _volumes(settings: ScheduleSettings, job: Job) -> list[Manifest]:
    volumes: list[Manifest] = [{"name": name, "emptyDir": {}} for name in _WRITABLE]
    if runs_pulumi(job):
        volumes.append({"name": "pulumi", "emptyDir": {}})
        if settings.passphrase:
            items = [{"key": settings.passphrase.key, "path": "passphrase"}]
            secret = {"secretName": settings.passphrase.name, "items": items, "defaultMode": 0o440}
            volumes.append({"name": "passphrase", "secret": secret})
        if settings.state.claim:
            volumes.append({"name": "state", "persistentVolumeClaim": {"claimName": settings.state.claim}})
        if settings.stack_file:
            volumes.append({"name": "stack", "configMap": {"name": settings.stack_file}})
    for number, files in enumerate(settings.files):
        source = {"secret": {"secretName": files.secret}} if files.secret else {"configMap": {"name": files.config_map}}
        volumes.append({"name": f"files-{number}", **source})
    return volumes


def _mounts(settings: ScheduleSettings, job: Job) -> list[Manifest]:
    mounts: list[Manifest] = [{"name": name, "mountPath": path} for name, path in _WRITABLE.items()]
    if runs_pulumi(job):
        # The plugins stay in the image; the CLI writes only these two folders beside them.
        mounts += [
            {"name": "pulumi", "mountPath": f"{settings.plugins}/{folder}", "subPath": folder}
            for folder in ("workspaces", "logs")
        ]
        if settings.passphrase:
            directory = PASSPHRASE_FILE.rpartition("/")[0]
            mounts.append({"name": "passphrase", "mountPath": directory, "readOnly": True})
        if settings.state.claim:
            mounts.append({"name": "state", "mountPath": "/state"})
        if settings.stack_file:
            file = f"Pulumi.{settings.stack}.yaml"
            mounts.append({"name": "stack", "mountPath": f"{PROJECT}/{file}", "subPath": file, "readOnly": True})
    for number, files in enumerate(settings.files):
        mounts.append({"name": f"files-{number}", "mountPath": files.path, "readOnly": True})
    return mounts


def _pod_security() -> Manifest:
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
