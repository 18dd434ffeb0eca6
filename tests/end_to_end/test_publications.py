"""A token at several places at once: a Secret, an entry of KV, and what External Secrets is told to sync onwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes import client

from components.external_secrets import FORCE_SYNC, external_secret_spec, push_secret_spec
from components.publications.contents import FACTS
from components.publications.stores import provider
from sandbox.servers import custom_resources
from sandbox.servers.kubernetes import KubernetesServer
from tests.components.external_secrets_samples import PLACES, PROVIDERS, SECRET, pushed, store, synced
from tests.end_to_end.stack import POLICY, ROLE, SHORT, Stack
from toolchain import bundle

GROUP, VERSION, EXTERNAL_SECRETS = "external-secrets.io", "v1", "externalsecrets"
SYNCED = "authentik-admin-token-enhanced"


@pytest.fixture(scope="module", autouse=True)
def _definitions(kubernetes_server: KubernetesServer) -> None:
    """The API server knows the kinds of External Secrets; no controller runs."""
    custom_resources.install(kubernetes_server, *bundle("external-secrets-crds"))


@pytest.fixture
def everywhere(stack: Stack) -> Stack:
    """A stack whose token `admin` goes to a Secret and to an entry, and onwards from both."""
    store = f"vault-{stack.name}"
    account = {"namespace": stack.namespace, "name": "external-secrets"}
    stores = {
        store: {"vault": {"server": stack.vault_url, "mount": "secret", "role": "reader", "serviceAccount": account}},
        f"cluster-{stack.name}": {"kubernetes": {"remoteNamespace": stack.namespace, "serviceAccount": account}},
    }
    stack.set("externalSecrets", {"stores": stores})
    from_entry = {"namespace": stack.namespace, "name": SYNCED, "store": {"name": store}}
    from_secret = {"namespace": stack.namespace, "name": "copied", "store": {"name": f"cluster-{stack.name}"}}
    push = {"name": "pushed", "store": {"name": store}, "remote": f"pushed/{stack.name}"}
    secret = {"kubernetesSecret": {"namespace": stack.namespace, "name": "admin"}}
    entry = {"vaultKv": {"mount": "secret", "path": path_of(stack)}}
    publish = [
        {**secret, "externalSecrets": [from_secret], "pushSecrets": [push]},
        {**entry, "externalSecrets": [from_entry]},
    ]
    stack.declare(admin={"backend": "authentik", "policy": POLICY, "publish": publish, "description": "for tests"})
    return stack


def path_of(stack: Stack) -> str:
    """Where the token's entry is: below what a rotator may write."""
    return f"token-rotation/{stack.name}/admin"


def entry(stack: Stack) -> dict[str, str]:
    """What a consumer finds in KV."""
    return dict(stack.vault_server.as_root("GET", f"secret/data/{path_of(stack)}")["data"]["data"])


def versions(stack: Stack) -> int:
    """How often the entry was written."""
    return int(stack.vault_server.as_root("GET", f"secret/metadata/{path_of(stack)}")["data"]["current_version"])


def custom(stack: Stack, name: str, plural: str = EXTERNAL_SECRETS, version: str = VERSION) -> dict[str, Any]:
    """A live object of External Secrets."""
    with stack.cluster.admin_client() as api:
        found = client.CustomObjectsApi(api).get_namespaced_custom_object(GROUP, version, stack.namespace, plural, name)
    return dict(found)


def poke(stack: Stack, name: str = SYNCED) -> str:
    """What an ExternalSecret was last poked with."""
    return str(custom(stack, name)["metadata"]["annotations"][FORCE_SYNC])


def test_both_generations_at_every_place(everywhere: Stack) -> None:
    """In the overlap each place holds both values, each sync is poked once, a run with nothing due changes nothing, and
    after the retirement no place holds the previous value."""
    stack = everywhere
    stack.up()
    first, first_poke = stack.secret("admin")["token"], poke(stack)
    assert entry(stack) == {"token": first, **facts_of(stack, "active")}
    assert first_poke == stack.published_generation("admin")
    stack.up("--expect-no-changes")
    assert (versions(stack), poke(stack)) == (1, first_poke)

    stack.pass_days(61)
    stack.up()
    both = stack.secret("admin")
    assert (both["token-previous"], len({both["token"], first})) == (first, 2)
    assert entry(stack) == {**both, **facts_of(stack, "overlap")}
    assert poke(stack) == poke(stack, "copied") == stack.published_generation("admin") != first_poke
    assert stack.authentik.accepts(first)
    stack.up("--expect-no-changes")
    assert versions(stack) == 2

    stack.pass_days(31)
    stack.up()
    assert not stack.authentik.accepts(first)
    stack.up()
    assert entry(stack) == {"token": both["token"], **facts_of(stack, "active")}
    assert "token-previous" not in stack.secret("admin")
    assert poke(stack) == stack.published_generation("admin")
    stack.up("--expect-no-changes")


def facts_of(stack: Stack, status: str) -> dict[str, str]:
    """What stands beside the values, as the receipt and the Secret's annotations have it."""
    receipt, annotations = stack.receipt("admin"), stack.secret_metadata("admin").annotations
    assert receipt is not None
    told = {name: annotations[f"token-rotation/{name}"] for name in FACTS}
    assert told == {
        "generation": receipt["generation"],
        "created": receipt["created"],
        "expires": receipt["expires"],
        "description": "for tests",
        "last_rotation": receipt["created"],
        "rotation_status": status,
    }
    return told


def test_nothing_is_retired_before_every_place_is_written(everywhere: Stack) -> None:
    """With KV away a rotation publishes to the Secret only: nothing is poked that reads KV, and no deadline is set."""
    stack = everywhere
    stack.up()
    first, first_poke = stack.secret("admin")["token"], poke(stack)
    published = stack.receipt("admin")

    stack.pass_days(61)
    stack.vault_faults.refuse(403, method="POST", path=f"/v1/secret/data/{path_of(stack)}", times=100)
    stack.up(check=False)
    assert entry(stack)["token"] == first
    assert poke(stack) == first_poke
    assert stack.receipt("admin") == published

    stack.vault_faults.clear()
    stack.up()
    told = stack.receipt("admin")
    assert told is not None
    assert entry(stack)["token"] == stack.secret("admin")["token"] != first
    assert poke(stack) == told["generation"]
    assert told["published"] == [
        f"kubernetesSecret:{stack.namespace}/admin",
        f"externalSecret:{stack.namespace}/copied",
        f"pushSecret:{stack.namespace}/pushed",
        f"vaultKv:secret/{path_of(stack)}",
        f"externalSecret:{stack.namespace}/{SYNCED}",
    ]


def test_no_credential_of_a_place_and_no_value_is_stored(everywhere: Stack) -> None:
    """Neither the state nor what a run prints holds the credential with which KV is written, or a published value."""
    stack = everywhere
    printed = stack.up().output + stack.preview().output
    stored = json.dumps(stack.pulumi.export()) + printed
    for planted in (stack.vault_token, stack.secret("admin")["token"]):
        assert planted not in stored
    assert stack.vault_token not in json.dumps(stack.pulumi.export("--show-secrets"))


def test_a_destroy_ends_a_token_that_is_published_everywhere(everywhere: Stack) -> None:
    """With a rotator that may not delete entries a destroy revokes all the same; what the entry holds is dead."""
    stack = everywhere
    stack.up()
    value = entry(stack)["token"]
    stack.decommission()
    stack.destroy()
    assert stack.live_at_authentik() == []
    assert not stack.authentik.accepts(value)


def test_a_vault_token_tells_what_seed_001_names(stack: Stack) -> None:
    """Its Secret has the lifecycle annotations; we are no second writer of it; what a person pauses stays paused."""
    stack.declare(admin={"backend": "vault", "spec": {"role": ROLE}, "policy": SHORT})
    stack.up()
    told = stack.secret_metadata("admin").annotations
    pair = stack.outputs_of("admin-token")
    assert told["token-rotation/token-accessor"] == pair["handle"]
    assert told["token-rotation/token-created"] == told["token-rotation/created"]
    assert told["token-rotation/token-expires"] == told["token-rotation/expires"]
    assert told["token-rotation/lifecycle-manager"] == "token-rotation"
    assert (told["token-rotation/auto-renew"], told["token-rotation/auto-rotate"]) == ("true", "true")
    stack.up("--expect-no-changes")

    with stack.cluster.admin_client() as api:
        paused = {"metadata": {"annotations": {"token-rotation/auto-rotate": "false"}}}
        client.CoreV1Api(api).patch_namespaced_secret("admin", stack.namespace, paused)
    stack.up()
    stack.up("--expect-no-changes")
    told = stack.secret_metadata("admin").annotations
    assert told["token-rotation/auto-rotate"] == "false"
    assert told["token-rotation/rotation_status"] == "paused"


@pytest.mark.parametrize("kind", ["ClusterSecretStore", "SecretStore"])
@pytest.mark.parametrize("name", PROVIDERS)
def test_the_api_server_accepts_every_manifest(kubernetes_server: KubernetesServer, name: str, kind: str) -> None:
    """A store of each provider, and what reads and pushes through it, by the operator's own strict definitions."""
    spec = external_secret_spec("authentik-admin", PLACES[name], synced(namespace="default"))
    manifests: list[tuple[str, str, str, dict[str, Any]]] = [
        (VERSION, f"{kind.lower()}s", kind, {"provider": provider(store(name, kind))}),
        (VERSION, EXTERNAL_SECRETS, "ExternalSecret", spec),
        ("v1alpha1", "pushsecrets", "PushSecret", push_secret_spec(SECRET, pushed())),
    ]
    with kubernetes_server.admin_client() as api:
        for version, plural, made, body in manifests:
            where = "" if made == "ClusterSecretStore" else "namespaces/default/"
            request = api.param_serialize(
                "POST",
                f"/apis/{GROUP}/{version}/{where}{plural}",
                query_params=[("dryRun", "All"), ("fieldValidation", "Strict")],
                header_params={"Content-Type": "application/json"},
                auth_settings=["BearerToken"],
                body={"apiVersion": f"{GROUP}/{version}", "kind": made, "metadata": {"name": "x"}, "spec": body},
            )
            answer = api.call_api(*request)
            assert answer.status == 201, answer.read().decode()
