"""The stand-in kubernetes plugin under the real CLI, against a real API server."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, watch

from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace
from tests.sandbox.kubernetes_stack import PROGRAM, Stack

# Every value that a test puts into a Secret contains this.
VALUE = "a-value-nobody-may-see"


@pytest.fixture
def stack(tmp_path: Path, kubernetes_server: KubernetesServer, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An empty stack. At the end no value may stand in what was printed or in the state."""
    directory = tmp_path / "program"
    shutil.copytree(PROGRAM, directory)
    (directory / "backend").mkdir()
    namespace = request.node.name.removeprefix("test_").replace("_", "-")
    with kubernetes_server.admin_client() as api:
        make_namespace(api, namespace)
        made = Stack(kubernetes_server, client.CoreV1Api(api), directory, namespace)
        made.succeed("stack", "init", "test")
        yield made
    told = "".join(made.printed) + made.stored()
    assert VALUE not in told
    assert base64.b64encode(VALUE.encode()).decode().rstrip("=")[:-2] not in told


def writes_since(stack: Stack, version: str) -> int:
    """How often Secrets of the stack's namespace were written after this resource version."""
    listing = stack.api.list_namespaced_secret
    watching: Any = watch.Watch  # not typed by the client
    return len(list(watching().stream(listing, stack.namespace, resource_version=version, timeout_seconds=1)))


def test_created_changed_in_place_and_deleted(stack: Stack) -> None:
    """A change is one write in place by the same field manager and drops removed keys; a second run changes nothing."""
    stack.declare("secrets", "token", string_data={"t": VALUE, "old": VALUE})
    stack.declare("config_maps", "receipt", data={"generation": "g1"})
    stack.up()
    before, managers = stack.secret("token"), stack.managers()

    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2", "new": VALUE})
    stack.declare("config_maps", "receipt", data={"generation": "g2"})
    preview = stack.succeed("preview", "--diff")
    stack.up()
    after = stack.secret("token")

    assert "~ kubernetes:core/v1:Secret: (update)" in preview
    assert "[secret] => [secret]" in preview
    assert after.metadata.uid == before.metadata.uid
    assert stack.data("token") == {"t": f"{VALUE}-2", "new": VALUE}
    assert writes_since(stack, before.metadata.resource_version) == 1
    assert stack.config_map("receipt") == {"generation": "g2"}
    assert stack.managers() == managers
    assert managers["token"] != managers["receipt"]
    stack.up("--expect-no-changes")

    stack.succeed("destroy", "--yes", "--skip-preview")
    assert stack.api.list_namespaced_secret(stack.namespace).items == []


@pytest.mark.deep
def test_drift_and_loss_are_healed(stack: Stack) -> None:
    """What went away outside is an error until a refresh saw it, a key and a whole object; then an up puts it back."""
    stack.declare("secrets", "token", string_data={"t": VALUE})
    stack.declare("config_maps", "receipt", data={"a": "1", "b": "2"})
    stack.up()
    stack.api.patch_namespaced_config_map("receipt", stack.namespace, {"data": {"b": None}})
    stack.api.delete_namespaced_secret("token", stack.namespace)
    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2"})

    assert "no longer in the cluster. Run `pulumi refresh`" in stack.fail("preview")
    assert "- 1 deleted" in stack.succeed("refresh", "--yes", "--skip-preview")
    preview = stack.succeed("preview", "--diff")
    stack.up()

    assert '+ b: "2"' in preview
    assert stack.data("token") == {"t": f"{VALUE}-2"}
    assert stack.config_map("receipt") == {"a": "1", "b": "2"}


def test_a_field_of_another_manager_is_a_conflict(stack: Stack) -> None:
    """A key that somebody else wrote is a conflict in the preview, unless the object is forced."""
    stack.declare("secrets", "token", string_data={"t": VALUE})
    stack.up()
    theirs = {"stringData": {"t": f"{VALUE}-theirs"}}
    stack.api.patch_namespaced_secret("token", stack.namespace, theirs, field_manager="somebody-else")
    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2"})

    refused = stack.fail("preview")
    forced = {"annotations": {"pulumi.com/patchForce": "true"}}
    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2"}, metadata=forced)
    stack.up()

    assert 'data.t: conflict with "somebody-else"' in refused
    assert stack.data("token") == {"t": f"{VALUE}-2"}


@pytest.mark.deep
def test_the_trap_of_a_provider_without_mutable_settings(stack: Stack) -> None:
    """There a changed Secret or ConfigMap is a replacement, new one first, which fails because the old one is there."""
    stack.settings.clear()
    stack.declare("secrets", "token", string_data={"t": VALUE})
    stack.declare("config_maps", "receipt", data={"generation": "g1"})
    stack.up()
    before = stack.secret("token")

    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2"})
    stack.declare("config_maps", "receipt", data={"generation": "g2"})
    preview = stack.succeed("preview", "--diff")
    failed = stack.fail("up", "--yes", "--skip-preview", "--continue-on-error")

    assert "+-kubernetes:core/v1:Secret: (replace)" in preview
    assert "+-kubernetes:core/v1:ConfigMap: (replace)" in preview
    for name in (f"Secret {stack.namespace}/token", f"ConfigMap {stack.namespace}/receipt"):
        assert f"{name} could not be created: it already exists, and did not go within 1 s." in failed
    assert stack.secret("token") == before


@pytest.mark.deep
def test_without_mutable_settings_a_made_name_escapes_the_trap(stack: Stack) -> None:
    """An object that the provider named is replaced under another name, and the old one goes."""
    stack.settings.clear()
    unnamed: dict[str, Any] = {"metadata": {"namespace": stack.namespace}}
    stack.declared["secrets"] = {"token": {**unnamed, "string_data": {"t": VALUE}}}
    stack.up()
    (before,) = stack.api.list_namespaced_secret(stack.namespace).items

    stack.declared["secrets"] = {"token": {**unnamed, "string_data": {"t": f"{VALUE}-2"}}}
    stack.up()
    (after,) = stack.api.list_namespaced_secret(stack.namespace).items

    assert before.metadata.name.startswith("token-")
    assert after.metadata.name not in ("token", before.metadata.name)


@pytest.mark.deep
def test_an_immutable_secret_is_replaced_old_one_first(stack: Stack) -> None:
    """Data of an immutable Secret, and a Secret's type, replace it under its name; the preview accepts that."""
    stack.declare("secrets", "token", string_data={"t": VALUE}, immutable=True)
    stack.declare("secrets", "typed", string_data={"t": VALUE})
    stack.up()
    before = [stack.secret(name).metadata.uid for name in ("token", "typed")]

    stack.declare("secrets", "token", string_data={"t": f"{VALUE}-2"}, immutable=True)
    stack.declare("secrets", "typed", string_data={"t": VALUE}, type="example.com/token")
    assert stack.succeed("preview", "--diff").count("+-kubernetes:core/v1:Secret: (replace)") == 2
    stack.up()

    assert stack.data("token") == {"t": f"{VALUE}-2"}
    assert not {stack.secret(name).metadata.uid for name in ("token", "typed")} & set(before)


def test_the_api_servers_refusal_is_in_the_preview(stack: Stack) -> None:
    """A dry run refuses a bad name and a bad key before anything changes, and says what to do, without a value."""
    stack.declare("config_maps", "Bad_Name", data={"a": "1"})
    refused = stack.fail("preview")
    stack.declared = {}
    stack.declare("secrets", "token", string_data={"not a key": VALUE})
    refused += stack.fail("preview")

    assert f"ConfigMap {stack.namespace}/Bad_Name could not be created: Invalid: " in refused
    assert "a lowercase RFC 1123 subdomain must consist of" in refused
    assert f"Secret {stack.namespace}/token could not be created: Invalid: data[not a key]: " in refused
    assert "Correct the field in the program" in refused


def test_unknown_types_and_properties_are_refused(stack: Stack) -> None:
    """A type without a stand-in and a property that the SDK does not have are errors that name them."""
    stack.declare("secrets", "token", string_data={"t": VALUE}, metadata={"anotations": {"a": "b"}})
    assert "metadata.anotations: kubernetes:core/v1:Secret has no such property" in stack.fail("preview")

    stack.declared = {}
    stack.declare_object("kubernetes:apps/v1:StatefulSet", "web", spec={})
    assert "kubernetes:apps/v1:StatefulSet: the stand-in kubernetes plugin does not know" in stack.fail("preview")


def a_binding(role: str) -> dict[str, Any]:
    """The properties of a RoleBinding."""
    return {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}, "subjects": []}


def a_cron_job(schedule: str) -> dict[str, Any]:
    """The properties of a CronJob that runs nothing."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "run", "image": "registry.example.com/run:1"}]}
    return {"spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": {"spec": pod}}}}}


def test_a_binding_to_another_role_is_replaced_and_a_schedule_is_updated(stack: Stack) -> None:
    """A RoleBinding's role replaces it, old one first, under its name; a CronJob's schedule changes in place."""
    stack.declare_object("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "rotator", **a_binding("reader"))
    stack.declare_object("kubernetes:batch/v1:CronJob", "daily", **a_cron_job("0 2 * * *"))
    stack.up()
    jobs, bindings = client.BatchV1Api(stack.api.api_client), client.RbacAuthorizationV1Api(stack.api.api_client)
    before: Any = jobs.read_namespaced_cron_job("daily", stack.namespace)

    stack.declare_object("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "rotator", **a_binding("writer"))
    stack.declare_object("kubernetes:batch/v1:CronJob", "daily", **a_cron_job("30 2 * * *"))
    preview = stack.succeed("preview", "--diff")
    stack.up()
    after: Any = jobs.read_namespaced_cron_job("daily", stack.namespace)
    binding: Any = bindings.read_namespaced_role_binding("rotator", stack.namespace)

    assert "+-kubernetes:rbac.authorization.k8s.io/v1:RoleBinding: (replace)" in preview
    assert "~ kubernetes:batch/v1:CronJob: (update)" in preview
    assert (after.metadata.uid, after.spec.schedule) == (before.metadata.uid, "30 2 * * *")
    assert binding.role_ref.name == "writer"
    stack.up("--expect-no-changes")


def test_readiness_is_never_claimed(stack: Stack) -> None:
    """A Service of which the real plugin awaits readiness is refused, unless the program says not to wait."""
    service: dict[str, Any] = {"spec": {"ports": [{"name": "metrics", "port": 9090}], "selector": {"app": "exporter"}}}
    stack.declare_object("kubernetes:core/v1:Service", "exporter", **service)
    assert "exporter: the stand-in kubernetes plugin cannot wait until a Service is ready" in stack.fail("preview")

    stack.declare_object(
        "kubernetes:core/v1:Service", "exporter", annotations={"pulumi.com/skipAwait": "true"}, **service
    )
    stack.up()
    assert stack.api.read_namespaced_service("exporter", stack.namespace).spec.ports[0].port == 9090


def test_what_owns_others_is_deleted_after_them(stack: Stack) -> None:
    """The end of a CronJob is waited for, and where no garbage collector runs the error says what holds it."""
    stack.declare_object("kubernetes:batch/v1:CronJob", "daily", **a_cron_job("0 2 * * *"))
    stack.up()

    failed = stack.fail("destroy", "--yes", "--skip-preview")

    assert f"CronJob {stack.namespace}/daily could not be deleted: it is still there after 1 s." in failed


@pytest.mark.deep
def test_creating_what_exists_is_an_error_with_advice(stack: Stack) -> None:
    """An object that is there already is never taken over in silence."""
    stack.api.create_namespaced_config_map(
        stack.namespace, {"metadata": {"name": "receipt"}, "data": {"generation": "theirs"}}
    )
    stack.declare("config_maps", "receipt", data={"generation": "ours"})

    failed = stack.fail("up", "--yes", "--skip-preview")

    for advice in ("alias", "import", "ConfigMapPatch", "upsertExistingObjects"):
        assert advice in failed
    assert stack.config_map("receipt") == {"generation": "theirs"}


def test_unknown_data_is_previewed_as_an_update(stack: Stack) -> None:
    """Data that is known only when another object is made is previewed without the API server, and then applied."""
    stack.declare("config_maps", "source", data={"a": "1"})
    stack.declared["secrets_of_uids"] = {"uid": {"source": "source", "namespace": stack.namespace}}
    stack.succeed("preview")
    stack.up()
    before = stack.data("uid")

    stack.declare("config_maps", "source", data={"a": "1"}, metadata={"name": "renamed"})
    preview = stack.succeed("preview", "--diff")
    stack.up()

    assert "~ kubernetes:core/v1:Secret: (update)" in preview
    assert stack.data("uid") != before


@pytest.mark.deep
def test_a_namespace_and_what_is_in_it(stack: Stack) -> None:
    """A namespace of the same run is no refusal for the preview of what goes into it; its labels change in place."""
    inner = f"{stack.namespace}-inner"
    stack.declared["namespaces"] = {inner: {"metadata": {"name": inner}}}
    stack.declare("secrets", "token", string_data={"t": VALUE}, metadata={"namespace": inner})
    stack.succeed("preview")
    stack.up()

    stack.declared["namespaces"] = {inner: {"metadata": {"name": inner, "labels": {"a": "b"}}}}
    stack.up()

    assert stack.api.read_namespace(inner).metadata.labels["a"] == "b"
    assert stack.api.read_namespaced_secret("token", inner).data


def test_an_unreachable_server_is_said(stack: Stack, tmp_path: Path) -> None:
    """Without an API server the preview fails and names the remedy."""
    nowhere = stack.server.kubeconfig.read_text().replace(stack.server.url, "https://127.0.0.1:1")
    (tmp_path / "kubeconfig").write_text(nowhere)
    stack.settings["kubeconfig"] = str(tmp_path / "kubeconfig")
    stack.declare("secrets", "token", string_data={"t": VALUE})

    assert "the API server gave no answer (MaxRetryError). Check the provider's kubeconfig" in stack.fail("preview")
