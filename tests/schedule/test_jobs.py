"""The schedule in a cluster whose controllers are at work: CronJobs make Jobs, Jobs end as they should, all is let in.

No node runs here, so that a pod stays pending until a test writes down, as a kubelet would, how it ended.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from components.schedule.jobs import CRON_JOBS
from components.schedule.settings import Job, Manifest
from sandbox.servers.kubernetes import KubernetesServer
from tests.schedule.plain_api import DRY, PlainApi, administrator, path, path_of
from tests.schedule.sample import Sample, namespace

EVERY_MINUTE = "* * * * *"
_PATIENCE_SECONDS = 80.0
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


@pytest.fixture(scope="module")
def admin(controlled_kubernetes_server: KubernetesServer) -> Iterator[PlainApi]:
    with administrator(controlled_kubernetes_server) as caller:
        yield caller


@pytest.fixture
def sample(admin: PlainApi) -> Sample:
    """A sample whose home accepts only restricted pods, and whose accounts are there."""
    made = Sample()
    admin.applied(*(namespace(name, RESTRICTED) for name in made.namespaces))
    admin.applied(*(manifest for manifest in made.manifests() if manifest["kind"] == "ServiceAccount"))
    return made


def test_every_manifest_is_accepted(admin: PlainApi, sample: Sample) -> None:
    """The API server, with the operators' kinds installed, takes every object as it stands, and warns of none."""
    refused = {}
    for manifest in sample.manifests():
        answer = admin.apply(manifest, dry=True)
        if not answer.is_success or "warning" in answer.headers:
            refused[path_of(manifest)] = answer.headers.get("warning", answer.text)
    assert refused == {}
    assert {manifest["kind"] for manifest in sample.manifests()} >= {"CronJob", "Deployment", "ServiceMonitor"}


def test_every_pod_is_restricted(admin: PlainApi, sample: Sample) -> None:
    """A namespace that enforces the level `restricted` of Pod Security lets the pod of every template in."""
    for name, template in _templates(sample).items():
        answer = _try_pod(admin, sample, name, template)
        assert answer.status_code == 201, f"{name}: {answer.text}"


@pytest.mark.parametrize(
    "loosen",
    [
        lambda spec: spec["securityContext"].pop("runAsNonRoot"),
        lambda spec: spec["securityContext"].pop("seccompProfile"),
        lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"),
        lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    ],
)
def test_a_looser_pod_would_be_refused(
    admin: PlainApi, sample: Sample, loosen: Callable[[dict[str, Any]], object]
) -> None:
    """The namespace really judges: without any one of the restrictions the same pod is refused."""
    template = copy.deepcopy(_templates(sample)[Job.RUN.value])
    loosen(template["spec"])
    answer = _try_pod(admin, sample, "loose", template)
    assert answer.status_code == 403
    assert "violates PodSecurity" in answer.text


def test_each_cron_job_makes_a_job_and_never_two(admin: PlainApi, sample: Sample) -> None:
    """A CronJob whose minute has come makes one Job with one pod; while that lives, the next minute makes none."""
    for job in CRON_JOBS:
        _begin(admin, sample, job)
    for job in CRON_JOBS:
        _until(partial(_has_one_pod, admin, sample, job), f"a pod of {job}")
    for job in CRON_JOBS:
        _until(partial(_is_held_back, admin, sample, job), f"{job} was held back", pause=2)
        assert len(_jobs(admin, sample, job)) == 1


def test_a_suspended_schedule_begins_nothing(admin: PlainApi) -> None:
    """With `suspend: true` no CronJob begins, and the exporter stays."""
    manifests = Sample({"suspend": True}).manifests()
    assert {m["spec"]["suspend"] for m in manifests if m["kind"] == "CronJob"} == {True}
    assert [m["spec"]["replicas"] for m in manifests if m["kind"] == "Deployment"] == [1]


@pytest.mark.parametrize("code", [2, 3, 5])
def test_what_needs_a_person_is_not_tried_again(admin: PlainApi, sample: Sample, code: int) -> None:
    """A run that ends with refused input or needs a person fails its Job at once."""
    _end_first_pod(admin, sample, code)
    _until(lambda: _condition(admin, sample, "Failed") == "PodFailurePolicy", "the Job failed at once")
    assert len(_pods(admin, sample, Job.RUN)) == 1


def test_a_failure_that_may_heal_is_tried_again(admin: PlainApi, sample: Sample) -> None:
    """A run that failed, or met another that holds the lock, gets a second pod."""
    _end_first_pod(admin, sample, 1)
    _until(lambda: len(_pods(admin, sample, Job.RUN)) == 2, "a second pod")
    assert _condition(admin, sample, "Failed") == ""


def test_a_run_that_is_fine_completes_its_job(admin: PlainApi, sample: Sample) -> None:
    """A run that ends with 0 completes its Job, which the CronJob records as its last success."""
    _end_first_pod(admin, sample, 0)
    _until(lambda: _condition(admin, sample, "Complete") != "", "the Job is complete")
    _until(lambda: "lastSuccessfulTime" in _cron_job(admin, sample)["status"], "the CronJob knows")


def test_a_deleted_cron_job_takes_everything_along(admin: PlainApi, sample: Sample) -> None:
    """The deletion of a CronJob ends, and its Jobs and pods are gone by then."""
    _begin(admin, sample, Job.RUN)
    _until(partial(_has_one_pod, admin, sample, Job.RUN), "a pod")
    where = path("cronjobs", sample.home, Job.RUN.value)
    admin.send("DELETE", where, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"})
    _until(lambda: admin.send("GET", where).status_code == 404, "the CronJob is gone")
    assert _jobs(admin, sample, Job.RUN) == []
    assert _pods(admin, sample, Job.RUN) == []


# --- templates --------------------------------------------------------------------------------------------------------


def _templates(sample: Sample) -> dict[str, dict[str, Any]]:
    found = {}
    for manifest in sample.manifests():
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            found[manifest["metadata"]["name"]] = spec["template"]
    assert len(found) == 4
    return found


def _try_pod(admin: PlainApi, sample: Sample, name: str, template: dict[str, Any]) -> Any:
    metadata = {**template["metadata"], "name": name, "namespace": sample.home}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    return admin.send("POST", path("pods", sample.home), pod, DRY)


# --- CronJobs and what they make --------------------------------------------------------------------------------------


def _begin(admin: PlainApi, sample: Sample, job: Job) -> None:
    """Apply a copy of the CronJob that is due every minute, and let its last minute be long ago."""
    copied: Manifest = copy.deepcopy(sample.one("CronJob", job.value))
    copied["spec"]["schedule"] = EVERY_MINUTE
    admin.applied(copied)
    _make_due(admin, sample, job)


def _make_due(admin: PlainApi, sample: Sample, job: Job) -> None:
    """As if it had last begun five minutes ago: the controller begins it now instead of at the next full minute."""
    began = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = path("cronjobs", sample.home, job.value)
    answer = admin.send("PATCH", f"{where}/status", {"status": {"lastScheduleTime": began}})
    assert answer.is_success, answer.text


def _end_first_pod(admin: PlainApi, sample: Sample, code: int) -> None:
    """Write down what a kubelet would: the container ended with this exit code."""
    _begin(admin, sample, Job.RUN)
    _until(partial(_has_one_pod, admin, sample, Job.RUN), "a pod")
    (pod,) = _pods(admin, sample, Job.RUN)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": now, "finishedAt": now}
    container = {
        "name": pod["spec"]["containers"][0]["name"],
        "image": pod["spec"]["containers"][0]["image"],
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container]}
    where = path("pods", sample.home, pod["metadata"]["name"])
    answer = admin.send("PATCH", f"{where}/status", {"status": status})
    assert answer.is_success, answer.text


def _listed(admin: PlainApi, resource: str, sample: Sample) -> list[dict[str, Any]]:
    return list(admin.send("GET", path(resource, sample.home)).json()["items"])


def _of(job: Job, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in items if item["metadata"]["labels"].get("app.kubernetes.io/name") == job.value]


def _jobs(admin: PlainApi, sample: Sample, job: Job) -> list[dict[str, Any]]:
    return _of(job, _listed(admin, "jobs", sample))


def _pods(admin: PlainApi, sample: Sample, job: Job) -> list[dict[str, Any]]:
    return _of(job, _listed(admin, "pods", sample))


def _has_one_pod(admin: PlainApi, sample: Sample, job: Job) -> bool:
    return len(_pods(admin, sample, job)) == 1


def _cron_job(admin: PlainApi, sample: Sample) -> dict[str, Any]:
    return dict(admin.send("GET", path("cronjobs", sample.home, Job.RUN.value)).json())


def _condition(admin: PlainApi, sample: Sample, kind: str) -> str:
    """The reason of a condition of the run's Job that holds; empty where it does not."""
    (job,) = _jobs(admin, sample, Job.RUN)
    found = job.get("status", {}).get("conditions", [])
    return next((c.get("reason") or "yes" for c in found if c["type"] == kind and c["status"] == "True"), "")


def _is_held_back(admin: PlainApi, sample: Sample, job: Job) -> bool:
    """Whether the controller said so. It may write its own last time over ours, so each look makes the job due anew."""
    _make_due(admin, sample, job)
    events = admin.send("GET", f"/api/v1/namespaces/{sample.home}/events").json()["items"]
    return any(e["reason"] == "JobAlreadyActive" and e["involvedObject"]["name"] == job.value for e in events)


def _until(true: Callable[[], bool], what: str, *, pause: float = 0.3) -> None:
    """Wait for the controllers. Within a minute and a bit the schedule itself comes round."""
    limit = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError(f"not within {_PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(pause)
