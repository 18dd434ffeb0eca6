"""The schedule's settings, and what its manifests say. That the API server takes them is shown in tests/schedule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.schedule.needs import urls
from components.schedule.network import peer_of
from components.schedule.rights import KEEP, Right, merged, roles
from components.schedule.settings import Job, Manifest, Peer, ScheduleSettings
from tests.components.stack_config import AUTHENTIK, POLICY, read
from tests.schedule.sample import SCHEDULE, Sample


def cron_job(job: Job, **changes: Any) -> dict[str, Any]:
    """The spec of a CronJob of a schedule with these changes."""
    return dict(Sample(changes).one("CronJob", job.value)["spec"])


def container(job: Job, **changes: Any) -> dict[str, Any]:
    """The container of a job."""
    (found,) = cron_job(job, **changes)["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def variables(job: Job, **changes: Any) -> dict[str, Any]:
    """Its environment: a text, or where it comes from."""
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in container(job, **changes)["env"]}


def test_a_day_has_one_run_and_an_hour_one_retirement() -> None:
    """Without a word about times there is a run at 02:00 UTC, a validation every six hours, a retirement every hour."""
    schedules = {job: (cron_job(job)["schedule"], cron_job(job)["timeZone"]) for job in (*Job,)[:3]}
    assert schedules == {
        Job.RUN: ("0 2 * * *", "Etc/UTC"),
        Job.VALIDATION: ("15 */6 * * *", "Etc/UTC"),
        Job.RETIREMENT: ("30 * * * *", "Etc/UTC"),
    }


def test_two_jobs_of_the_defaults_never_begin_in_one_minute() -> None:
    """The run, the validation and the retirement have minutes of their own, so that none meets another's Lease."""
    minutes = [cron_job(job)["schedule"].split()[0] for job in (Job.RUN, Job.VALIDATION, Job.RETIREMENT)]
    assert len(set(minutes)) == 3


def test_seed_001_can_be_written() -> None:
    """Every 30 minutes and every four hours are schedules like any other."""
    timing = {"schedule": "0 */4 * * *", "limit": "30m"}
    often = {"schedule": "*/30 * * * *", "limit": "10m", "deadline": "25m"}
    assert cron_job(Job.RUN, run=timing)["schedule"] == "0 */4 * * *"
    assert cron_job(Job.RETIREMENT, retirement=often)["schedule"] == "*/30 * * * *"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"run": {"schedule": "daily"}}, "five fields of cron"),
        ({"run": {"schedule": "0 2 * * *; rm"}}, "five fields of cron"),
        ({"run": {"schedule": "0 2 * * *", "limit": "75m"}}, "no room"),
        ({"state": {}}, "exactly one of url and secret"),
        ({"state": {"url": "file:///state"}}, "lost with its pod"),
        ({"state": {"url": "s3://bucket", "claim": "state"}}, "file:///state"),
        ({"state": {"url": "s3://bucket", "secret": {"name": "state", "key": "url"}}}, "exactly one"),
        ({"files": [{"path": "/etc/ca"}]}, "exactly one of configMap and secret"),
        ({"environment": {"VAULT_TOKEN": "in clear"}}, "both a credential and a plain variable"),
        ({"suspended": True}, "Extra inputs are not permitted"),
    ],
)
def test_a_schedule_that_cannot_hold_is_refused(changes: dict[str, Any], told: str) -> None:
    """What is unknown, twice, or without room is refused with its cause."""
    with pytest.raises(ValidationError, match=told):
        ScheduleSettings.model_validate({**SCHEDULE, **changes})


def test_a_run_names_everything_that_it_would_otherwise_look_for() -> None:
    """Stack, state, passphrase, plugins and places are named, and nothing is fetched."""
    told = variables(Job.RUN)
    assert told["PULUMI_STACK"] == "homelab"
    assert told["PULUMI_BACKEND_URL"] == "file:///state"
    assert told["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/etc/token-rotation/passphrase"
    assert told["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert told["PULUMI_DYNAMIC_TF_PLUGIN_CACHE_DIR"].startswith(told["PULUMI_HOME"])
    assert {"TOKEN_ROTATION_RECEIPTS", "TOKEN_ROTATION_SETTINGS", "TOKEN_ROTATION_LEASE"} <= set(told)
    assert told["USER"], "the CLI asks for it, and the image's user has no name"


def test_a_credential_goes_to_the_jobs_that_need_it() -> None:
    """Validation gets no credential of a backend, no passphrase and no state, unless one is named for it."""
    connect = {"name": "connect", "key": "token", "jobs": ["validation"]}
    credentials = {**SCHEDULE["credentials"], "OP_CONNECT_TOKEN": connect}
    told = variables(Job.VALIDATION, credentials=credentials)
    assert {name for name, value in told.items() if isinstance(value, dict)} == {"OP_CONNECT_TOKEN"}
    assert not any(name.startswith("PULUMI_") for name in told)
    assert "OP_CONNECT_TOKEN" not in variables(Job.RUN, credentials=credentials)


def test_no_credential_stands_in_a_manifest() -> None:
    """Each one is the key of a Secret; a state's url with a password is, too."""
    state = {"secret": {"name": "token-rotation-state", "key": "url"}}
    told = variables(Job.RUN, state=state)
    for name in ("AUTHENTIK_TOKEN", "VAULT_TOKEN", "PULUMI_BACKEND_URL"):
        assert set(told[name]) == {"secretKeyRef"}


def test_a_job_is_ended_after_its_run_would_have_ended_itself() -> None:
    """The run's own limit lies within the Job's deadline, so that a run that takes too long says so."""
    spec = cron_job(Job.RUN, run={"schedule": "0 2 * * *", "limit": "40m", "deadline": "50m"})
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 3000
    assert container(Job.RUN, run={"schedule": "0 2 * * *", "limit": "40m", "deadline": "50m"})["args"] == [
        *("run", "--limit", "40m")
    ]


def test_one_job_can_be_suspended_alone() -> None:
    """Where another runs the stack, validation goes on."""
    changes = {"run": {"schedule": "0 2 * * *", "suspend": True}}
    assert cron_job(Job.RUN, **changes)["suspend"] is True
    assert cron_job(Job.VALIDATION, **changes)["suspend"] is False


def test_each_object_has_one_right() -> None:
    """Rights on one object are joined; what may be done alike with several objects is one rule."""
    two = [
        Right("apps", "", "secrets", "a"),
        Right("apps", "", "secrets", "a", KEEP),
        Right("apps", "", "secrets", "b"),
    ]
    assert [(right.name, right.verbs) for right in merged(two)] == [("a", KEEP), ("b", ("get",))]
    alike = [Right("apps", "", "secrets", name) for name in ("b", "a")]
    (role, binding) = roles(Job.RUN, "home", alike, {})
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["a", "b"]}
    ]
    assert binding["subjects"][0]["namespace"] == "home"


def test_an_object_without_a_namespace_needs_a_cluster_role() -> None:
    """A right to a cluster-scoped object becomes a ClusterRole that names it."""
    store = Right("", "external-secrets.io", "clustersecretstores", "connect")
    kinds = [made["kind"] for made in roles(Job.RUN, "home", [store], {})]
    assert kinds == ["ClusterRole", "ClusterRoleBinding"]


def test_two_schedules_of_one_cluster_share_no_object() -> None:
    """What two schedules declare for the same places, and for the whole cluster, has names of their own."""
    everywhere = [Right(place, "", "secrets", "admin") for place in ("", "apps", "first", "second")]
    first, second = (
        {(made["kind"], made["metadata"].get("namespace"), made["metadata"]["name"]) for made in granted}
        for granted in (roles(Job.RUN, home, everywhere, {}) for home in ("first", "second"))
    )
    assert len(first) == len(second) == 8
    assert not first & second


def test_what_is_synced_onwards_is_in_the_rights() -> None:
    """The run keeps ExternalSecrets and PushSecrets and reads their stores; validation reads the Secrets they make."""
    rights = _with_external_secrets()
    run = {(right.namespace, right.resource, right.name): right.verbs for right in merged(rights[Job.RUN])}
    assert run[("apps", "externalsecrets", "admin")] == KEEP
    assert run[("authentik", "pushsecrets", "admin-push")] == KEEP
    assert run[("", "clustersecretstores", "cluster")] == ("get",)
    assert ("apps", "secrets", "admin-synced") not in run
    assert run[("apps", "deployments", "config")] == ("get",)
    validation = {(right.namespace, right.resource, right.name) for right in rights[Job.VALIDATION]}
    assert ("apps", "secrets", "admin-synced") in validation
    assert not any(resource == "externalsecrets" for _, resource, _ in validation)


def test_a_peer_is_somewhere() -> None:
    """To let out to nobody in particular would be to let out to all."""
    with pytest.raises(ValidationError, match="name ports, or a namespace"):
        Peer()
    policies = Sample().manifests()
    (backends,) = [one for one in policies if one["metadata"]["name"] == "token-rotation-backends"]
    inside = {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "vault"}}}]}
    assert inside in backends["spec"]["egress"]


def test_a_url_says_where_to_connect_to() -> None:
    """A Service's url is let out to its namespace, any other to its port; so is what the environment names.

    A policy sees the port that a pod listens on, and nobody knows it by the port of its Service.
    """
    assert peer_of("https://vault.vault.svc:8200") == Peer(namespace="vault")
    assert peer_of("http://connect.onepassword.svc.cluster.local:8080") == Peer(namespace="onepassword")
    assert peer_of("https://authentik.example.com") == Peer(ports=(443,))
    schedule = ScheduleSettings.model_validate(
        {**SCHEDULE, "environment": {"OP_CONNECT_HOST": "http://connect.onepassword.svc:8080", "LANG": "C"}}
    )
    assert urls(read(), schedule) == ["http://connect.onepassword.svc:8080", AUTHENTIK["url"]]


def test_every_pod_is_covered_by_the_policies() -> None:
    """Nothing is let in or out by default: the policy without rules selects the pods of every template."""
    sample = Sample()
    deny = sample.one("NetworkPolicy", "token-rotation-default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    for labels in _pod_labels(sample.manifests()):
        assert deny["podSelector"]["matchLabels"].items() <= labels.items()


def _pod_labels(manifests: list[Manifest]) -> list[dict[str, str]]:
    specs = [m["spec"] for m in manifests if m["kind"] == "Deployment"]
    specs += [m["spec"]["jobTemplate"]["spec"] for m in manifests if m["kind"] == "CronJob"]
    assert len(specs) == 4
    return [spec["template"]["metadata"]["labels"] for spec in specs]


def _with_external_secrets() -> dict[Job, list[Right]]:
    store = {"kind": "ClusterSecretStore", "name": "cluster"}
    publication = {
        "kubernetesSecret": {"namespace": "authentik", "name": "admin"},
        "externalSecrets": [{"namespace": "apps", "name": "admin", "target": "admin-synced", "store": store}],
        "pushSecrets": [{"name": "admin-push", "store": store, "remote": "pushed/admin"}],
    }
    account = {"namespace": "external-secrets", "name": "external-secrets"}
    stores = {"cluster": {"kubernetes": {"remoteNamespace": "authentik", "serviceAccount": account}}}
    waits = {"deployments": [{"namespace": "apps", "name": "config"}]}
    token = {"backend": "authentik", "policy": POLICY, "publish": [publication], "dependencies": waits}
    settings = read({"admin": token}, externalSecrets={"stores": stores})
    sample = Sample()
    sample.__dict__["settings"] = settings
    return sample.rights()
