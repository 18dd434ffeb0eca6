from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes import client

from rotation.clock import to_rfc3339
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace, service_account_token
from sandbox.servers.processes import comes_true

SECONDS = 60.0
POD = client.V1PodSpec(
    restart_policy="Never", containers=[client.V1Container(name="run", image="registry.example.com/run")]
)


@pytest.fixture(scope="module")
def api(controlled_kubernetes_server: KubernetesServer) -> Iterator[client.ApiClient]:
    with controlled_kubernetes_server.admin_client() as made:
        yield made


@pytest.fixture
def namespace(api: client.ApiClient) -> str:
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(api, name)
    return name


def _metadata(name: str) -> client.V1ObjectMeta:
    return client.V1ObjectMeta(name=name)


def _job(pod: client.V1PodSpec = POD, *, deadline_seconds: int | None = None) -> client.V1JobSpec:
    return client.V1JobSpec(
        template=client.V1PodTemplateSpec(spec=pod), active_deadline_seconds=deadline_seconds, backoff_limit=0
    )


def _make_cron_job(api: client.ApiClient, namespace: str) -> None:
    """A CronJob of every minute that last ran two minutes ago, so that it is due at once and no test waits for it."""
    batch = client.BatchV1Api(api)
    spec = client.V1CronJobSpec(schedule="* * * * *", job_template=client.V1JobTemplateSpec(spec=_job()))
    batch.create_namespaced_cron_job(namespace, client.V1CronJob(metadata=_metadata("tick"), spec=spec))
    earlier = to_rfc3339(datetime.now(UTC) - timedelta(minutes=2))
    batch.patch_namespaced_cron_job_status("tick", namespace, {"status": {"lastScheduleTime": earlier}})


def _jobs(api: client.ApiClient, namespace: str) -> list[client.V1Job]:
    return list(client.BatchV1Api(api).list_namespaced_job(namespace).items)


def _pods(api: client.ApiClient, namespace: str) -> list[client.V1Pod]:
    return list(client.CoreV1Api(api).list_namespaced_pod(namespace).items)


def test_a_cron_job_makes_a_job_and_the_job_a_pod(api: client.ApiClient, namespace: str) -> None:
    """What is due is started, with the namespace's own ServiceAccount; the pod stays Pending, since no node runs."""
    _make_cron_job(api, namespace)
    assert comes_true(lambda: bool(_pods(api, namespace)), seconds=SECONDS)
    (job,), (pod,) = _jobs(api, namespace), _pods(api, namespace)
    assert [owner.name for owner in job.metadata.owner_references] == ["tick"]
    assert (pod.status.phase, pod.spec.service_account_name) == ("Pending", "default")


def test_a_deleted_job_ends_with_its_pods(api: client.ApiClient, namespace: str) -> None:
    """Deletion in the foreground ends, and nothing of the CronJob is left."""
    _make_cron_job(api, namespace)
    assert comes_true(lambda: bool(_pods(api, namespace)), seconds=SECONDS)
    batch = client.BatchV1Api(api)
    batch.delete_namespaced_cron_job("tick", namespace, propagation_policy="Foreground")
    assert comes_true(lambda: not batch.list_namespaced_cron_job(namespace).items, seconds=SECONDS)
    assert (_jobs(api, namespace), _pods(api, namespace)) == ([], [])


def test_a_job_that_takes_too_long_fails(api: client.ApiClient, namespace: str) -> None:
    """A job's deadline holds although its pod never began."""
    body = client.V1Job(metadata=_metadata("slow"), spec=_job(deadline_seconds=1))
    client.BatchV1Api(api).create_namespaced_job(namespace, body)

    def reasons() -> set[str]:
        (job,) = _jobs(api, namespace)
        return {condition.reason for condition in job.status.conditions or []}

    assert comes_true(lambda: "DeadlineExceeded" in reasons(), seconds=SECONDS)


def test_a_pod_needs_the_account_that_it_names(api: client.ApiClient, namespace: str) -> None:
    """A job that names a ServiceAccount that is not there gets no pod, and an Event says why."""
    pod = client.V1PodSpec(**{**_arguments(POD), "service_account_name": "nobody"})
    client.BatchV1Api(api).create_namespaced_job(namespace, client.V1Job(metadata=_metadata("lost"), spec=_job(pod)))

    def told() -> str:
        return " ".join(event.message for event in client.CoreV1Api(api).list_namespaced_event(namespace).items)

    assert comes_true(lambda: 'serviceaccount "nobody" not found' in told(), seconds=SECONDS)
    assert _pods(api, namespace) == []


def test_a_deleted_namespace_ends(api: client.ApiClient, namespace: str) -> None:
    """It goes with all that is in it."""
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=_metadata("one")))
    core.delete_namespace(namespace)

    def is_gone() -> bool:
        return namespace not in {one.metadata.name for one in core.list_namespace().items}

    assert comes_true(is_gone, seconds=SECONDS)


def test_an_account_gets_a_token(api: client.ApiClient, namespace: str) -> None:
    """Each namespace has its default ServiceAccount, for which the API server signs tokens."""
    core = client.CoreV1Api(api)
    assert comes_true(lambda: bool(core.list_namespaced_service_account(namespace).items), seconds=SECONDS)
    assert service_account_token(api, namespace, "default").count(".") == 2


def _arguments(pod: client.V1PodSpec) -> dict[str, object]:
    return {"restart_policy": pod.restart_policy, "containers": pod.containers}
