"""Authentik's three ways: a service account that rotates its own token, a tenant that ends tokens, an administrator."""

from __future__ import annotations

import httpx
from kubernetes import client

from operations.exit_code import ExitCode
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import scheduled_run

NEVER_EXPIRES = {"goauthentik.io/user/token-expires": False}
ACCOUNT = "token-rotator"


def _let_account_rotate_itself(stack: Stack) -> None:
    """The first run has a token that a person made; from then on the run works with what it published."""
    stack.authentik.add_user(ACCOUNT, attributes=dict(NEVER_EXPIRES), type="service_account")
    stack.environment["FIRST_TOKEN"] = stack.authentik.issue(ACCOUNT, "made-by-hand", expiring=False)
    backends = stack.config["token-rotation:backends"]
    backends["account"] = {"kind": "authentik", "url": stack.authentik_url, "credential": {"env": "FIRST_TOKEN"}}
    stack.declare(own={"backend": "account", "policy": POLICY})


def _use_published_credential(stack: Stack) -> None:
    del stack.environment["FIRST_TOKEN"]
    place = {"namespace": stack.namespace, "name": "own", "key": "token"}
    stack.config["token-rotation:backends"]["account"]["credential"] = {"kubernetesSecret": place}
    stack.set("backends", stack.config["token-rotation:backends"])


def test_a_service_account_rotates_its_own_token(stack: Stack) -> None:
    """Without a superuser: the published token mints its successor, ends its predecessor, and a destroy ends it too."""
    _let_account_rotate_itself(stack)
    stack.up()
    first = stack.secret("own")["token"]
    _use_published_credential(stack)
    stack.up("--expect-no-changes")
    assert stack.mints == 1

    stack.pass_days(61)
    stack.up()
    second = stack.secret("own")
    assert second["token-previous"] == first
    assert stack.authentik.accepts(first)
    assert {t.username for t in stack.authentik.live_tokens() if t.identifier.startswith(stack.name)} == {ACCOUNT}

    stack.pass_days(31)
    stack.up()
    assert not stack.authentik.accepts(first)
    assert stack.authentik.accepts(second["token"])
    assert len(stack.live_at_authentik()) == 1

    stack.decommission()
    stack.destroy()
    assert stack.live_at_authentik() == []


def test_a_deleted_credential_comes_back_and_holds_no_other_token(stack: Stack) -> None:
    """Its value stands in the state, so the scheduled run puts it back; what is due elsewhere is rotated meanwhile."""
    _let_account_rotate_itself(stack)
    own = dict(stack.config["token-rotation:tokens"]["own"])
    stack.declare(own=own, other={"backend": "authentik", "policy": POLICY})
    stack.up()
    first, other = stack.secret("own")["token"], stack.secret("other")["token"]
    _use_published_credential(stack)
    stack.pass_days(61)
    with stack.cluster.admin_client() as api:
        client.CoreV1Api(api).delete_namespaced_secret("own", stack.namespace)
    ended = scheduled_run(stack, "2s", "--attempts", "1")
    assert '"reason": "PublicationMissing"' in ended.stdout
    assert '"reason": "BackendRefuses"' in ended.stdout
    assert stack.secret("own")["token"] == first
    assert stack.secret("other")["token-previous"] == other
    assert scheduled_run(stack, "2s").returncode == ExitCode.FINE
    assert stack.secret("own")["token-previous"] == first


def test_an_administrator_mints_for_others_beside_an_account_of_its_own(stack: Stack) -> None:
    """Two credentials at one server, a tenant that ends tokens: neither takes the other's generations for orphans."""
    _set_tenant_duration(stack, "days=100")
    owner = stack.authentik.add_user("homelab-automation").username
    _let_account_rotate_itself(stack)
    own = stack.config["token-rotation:tokens"]["own"]
    spec = {"user": owner, "mode": "server"}
    stack.declare(own=own, operator={"backend": "authentik", "spec": spec, "policy": {**POLICY, "overlap": "5d"}})
    stack.up()
    granted = {t.username: t.expires for t in stack.authentik.live_tokens() if t.identifier.startswith(stack.name)}
    assert granted[ACCOUNT] is None
    end = granted[owner]
    assert end is not None
    assert 99 < (end - stack.now).days + 1 <= 100
    values = {name: stack.secret(name)["token"] for name in ("own", "operator")}

    stack.pass_days(6)  # longer than the overlap that an orphan would be given
    stack.up("--expect-no-changes")
    stack.pass_days(31)
    stack.up("--expect-no-changes")
    assert all(stack.authentik.accepts(value) for value in values.values())

    stack.pass_days(24)  # day 61: both are due
    stack.up()
    renewed = {name: stack.secret(name) for name in values}
    for name, value in values.items():
        assert renewed[name]["token-previous"] == value
        assert stack.authentik.accepts(value)
        assert stack.authentik.accepts(renewed[name]["token"])

    stack.set("decommission", ["operator"])
    stack.up()
    stack.declare(own=own)
    stack.set("decommission", None)
    stack.up()
    assert stack.authentik.accepts(renewed["own"]["token"])
    assert not stack.authentik.accepts(renewed["operator"]["token"])


def _set_tenant_duration(stack: Stack, text: str) -> None:
    headers = {"Authorization": f"Bearer {stack.authentik.bootstrap_key}"}
    url = f"{stack.authentik_url}/api/v3/admin/settings/"
    httpx.patch(url, json={"default_token_duration": text}, headers=headers, trust_env=False).raise_for_status()
