"""Values that exist already, through the real CLI and API server: rolled back to, adopted, repaired after a slip."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import Any

from kubernetes import client

from operations.exit_code import ExitCode
from rotation.backends.transport import json_request
from rotation.model import token_of
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from tests.end_to_end.stack import POLICY, ROLE, Stack

ADMIN: dict[str, Any] = {"backend": "authentik", "policy": POLICY, "spec": {"user": "robot"}}


def _put_by_hand(stack: Stack, name: str, value: str, **annotations: str) -> None:
    """What a person does with kubectl: make the Secret, or change the value in it."""
    body = {
        "metadata": {"name": name, "annotations": annotations},
        "data": {"token": base64.b64encode(value.encode()).decode()},
    }
    with stack.cluster.admin_client() as api:
        core = client.CoreV1Api(api)
        if name in stack.published_names():
            core.patch_namespaced_secret(name, stack.namespace, body)
        else:
            core.create_namespaced_secret(stack.namespace, body)


def _end_at_authentik(stack: Stack, identifier: str) -> None:
    """What an administrator does in Authentik's own pages."""
    headers = {"authorization": f"Bearer {stack.authentik.bootstrap_key}"}
    path = f"/api/v3/core/tokens/{identifier}/"
    assert stack.authentik.handle(json_request("DELETE", path, headers=headers)).status == 204


def _place(stack: Stack, name: str, **marks: bool) -> list[dict[str, Any]]:
    return [{"kubernetesSecret": {"namespace": stack.namespace, "name": name}, **marks}]


def test_an_existing_authentik_token_is_adopted_rotated_and_retired(stack: Stack) -> None:
    """Not marked: refused. Managed by somebody: refused. Marked: taken as it is, then replaced when due, then ended."""
    stack.authentik.add_user("robot", attributes={TOKEN_EXPIRES: False})
    value = stack.authentik.issue("robot", "made-by-hand", expiring=False)
    _put_by_hand(stack, "admin", value, **{"example.com/lifecycle-manager": "kyverno"})

    stack.declare(admin=ADMIN)
    assert "the Secret" in (refused := stack.up(check=False)).output
    assert "exists and is not ours. Mark the place `adopt: true`" in refused.output
    stack.declare(admin={**ADMIN, "publish": _place(stack, "admin", adopt=True)})
    assert "is managed by kyverno. Let kyverno let go of it" in stack.up(check=False).output
    assert (stack.mints, stack.secret("admin")["token"]) == (0, value)

    marked = {**ADMIN, "publish": _place(stack, "admin", adopt=True, takeOver=True)}
    stack.declare(admin=marked)
    previewed = stack.preview()
    assert "token-rotation: admin: adopt (Adopted)" in previewed.output
    assert stack.secret_metadata("admin").managed_fields[0].operation == "Update"
    adopted = stack.up()
    assert value not in previewed.output + adopted.output
    assert (stack.mints, stack.secret("admin")["token"]) == (0, value)
    assert token_of(stack.published_generation("admin")) == "admin"
    stack.up("--expect-no-changes")

    stack.pass_days(61)
    stack.up()
    assert stack.secret("admin")["token-previous"] == value
    stack.pass_days(31)
    stack.up()
    assert not stack.authentik.accepts(value)
    assert stack.live_at_authentik() == [stack.published_generation("admin")]


def test_an_existing_vault_token_is_adopted(stack: Stack) -> None:
    """A token that a person made by the role, with all its life: no lease, no renewal, the same value and accessor."""
    made = stack.vault_server.as_root("POST", f"auth/token/create/{ROLE}", {"ttl": "600s"})["auth"]
    _put_by_hand(stack, "admin", made["client_token"])
    policy = {"lifetime": "600s", "rotate_every": "300s", "overlap": "60s", "tolerated_outage": "20s"}
    place = _place(stack, "admin", adopt=True)
    token = {"backend": "vault", "policy": policy, "spec": {"role": ROLE}, "publish": place}
    stack.declare(admin=token)
    stack.up()
    assert stack.live_at_vault() == []  # what we mint tells of us; this one does not
    assert stack.secret("admin")["token"] == made["client_token"]
    assert stack.outputs_of("admin-token")["handle"] == made["accessor"]
    stack.up("--expect-no-changes")

    stack.declare(admin={**token, "force": "now"})
    stack.up()
    assert stack.secret("admin")["token-previous"] == made["client_token"]
    assert [item["handle"] for item in stack.outputs_of("admin-pair")["superseded"]] == [made["accessor"]]


def test_a_rollback_and_a_slip_of_the_hand(stack: Stack) -> None:
    """The previous value comes back by a nonce; a value put over it is repaired; the dry run shows both."""
    stack.authentik.add_user("robot", attributes={TOKEN_EXPIRES: False})
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.published_generation("admin")
    stack.pass_days(61)
    stack.up()
    second = stack.published_generation("admin")
    values = stack.secret("admin")

    stack.declare(admin={**ADMIN, "rollback": "the new one lacks a right"})
    assert "token-rotation: admin: rollback (RollbackRequested)" in stack.preview().output
    stack.up()
    assert (stack.published_generation("admin"), stack.mints) == (first, 2)
    assert stack.secret("admin")["token"] == values["token-previous"]
    assert stack.live_at_authentik() == [first, second]

    _put_by_hand(stack, "admin", "a-slip-of-the-hand")
    assert "token-rotation: admin: repair (DriftFound)" in stack.preview().output
    stack.up()
    assert stack.secret("admin")["token"] == values["token-previous"]
    assert stack.secret_metadata("admin").annotations["token-rotation/repairs"] == "1"
    stack.up("--expect-no-changes")


def test_a_recovery_by_hand_is_adopted_and_a_deleted_secret_comes_back(stack: Stack) -> None:
    """The recorded token is dead and a working one was put in: kept. The Secret is deleted: the scheduled run heals."""
    stack.authentik.add_user("robot", attributes={TOKEN_EXPIRES: False})
    stack.declare(admin=ADMIN)
    stack.up()
    _end_at_authentik(stack, stack.published_generation("admin"))
    rescue = stack.authentik.issue("robot", "rescue", expiring=False)
    _put_by_hand(stack, "admin", rescue)
    assert "token-rotation: admin: adopt (Adopted)" in stack.up().output
    assert (stack.secret("admin")["token"], stack.mints) == (rescue, 1)

    with stack.cluster.admin_client() as api:
        client.CoreV1Api(api).delete_namespaced_secret("admin", stack.namespace)
    command = [sys.executable, "-m", "operations", "run", "--stack", stack.name]
    environment = stack.pulumi.variables()
    ended = subprocess.run(command, cwd=stack.project, env=environment, text=True, capture_output=True, check=False)
    assert ended.returncode == ExitCode.FINE, ended.stdout + ended.stderr
    assert "PublicationMissing" in ended.stdout
    assert stack.secret("admin")["token"] == rescue
    stack.up()
    assert (stack.receipt("admin") or {})["conditions"] == []
