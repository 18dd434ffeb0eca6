"""A state that an older release stored, imported by the real CLI into the world that it was left in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from rotation.clock import from_rfc3339
from sandbox.clock import move
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.dynamic_providers.stored_line import STATES, issue_again
from tests.end_to_end.stack import DAY, Stack, new_stack

RELEASES = ["issue-3"]
World = dict[str, Any]


@pytest.fixture(params=RELEASES)
def stored(
    request: pytest.FixtureRequest, tmp_path: Path, kubernetes_server: KubernetesServer, openbao_server: OpenBaoServer
) -> Iterator[tuple[Stack, World]]:
    """A stack with the state of a release, its clock at the instant of the export, and the world as it was then."""
    folder = STATES / str(request.param)
    world: World = json.loads((folder / "world.json").read_text())
    with new_stack(tmp_path, kubernetes_server, openbao_server, world["stack"]) as stack:
        move(stack.clock_file, (from_rfc3339(world["captured"]) - stack.now).total_seconds())
        issue_again(stack.authentik, world["authentik"])
        _publish_again(stack, world)
        stack.set("tokens", world["tokens"])
        _import(stack, (folder / "state.json").read_text())
        yield stack, world


def _publish_again(stack: Stack, world: World) -> None:
    """The Secret and the receipts, each written by whom it belongs to."""
    receipts = {"metadata": {"name": "token-receipts"}, "data": world["receipts"]}
    with stack.cluster.admin_client() as api:
        core = client.CoreV1Api(api)
        secret = {**world["secret"], "kind": "Secret", "apiVersion": "v1"}
        options = {"_content_type": "application/apply-patch+yaml", "force": True}
        manager = world["secret_manager"]
        core.patch_namespaced_secret("admin", stack.namespace, secret, field_manager=manager, **options)
        body = {**receipts, "kind": "ConfigMap", "apiVersion": "v1"}
        manager = "token-rotation-admin"
        core.patch_namespaced_config_map("token-receipts", stack.namespace, body, field_manager=manager, **options)


def _import(stack: Stack, state: str) -> None:
    places = {
        "http://authentik.example.com": stack.authentik_url,
        "http://vault.example.com": stack.vault_url,
        "kubeconfig.example": str(stack.kubeconfig),
    }
    for placeholder, place in places.items():
        state = state.replace(placeholder, place)
    file = stack.directory / "imported.json"
    file.write_text(state)
    stack.pulumi.run("stack", "import", "--stack", stack.name, "--file", str(file))


def test_an_upgrade_mints_nothing_and_keeps_every_deadline(stored: tuple[Stack, World]) -> None:
    """The dry run says so, the runs do so: the same generations live, and each ends when the older release promised."""
    stack, world = stored
    alive = [row["identifier"] for row in world["authentik"]]
    receipt = json.loads(world["receipts"]["admin"])
    [superseded] = receipt["superseded"]
    value = stack.secret("admin")["token"]

    shown = stack.preview().output
    assert "(rotate" not in shown
    assert "+-" not in shown
    stack.up()
    stack.up("--expect-no-changes")

    assert (stack.mints, stack.live_at_authentik()) == (0, alive)
    told = stack.receipt("admin")
    assert told is not None
    [kept] = told["superseded"]
    assert (kept["generation"], kept["deadline"]) == (superseded["generation"], superseded["deadline"])
    [orphan] = stack.outputs_of("authentik-sweep")["entries"]
    assert orphan["generation"] == world["orphan"]
    assert stack.secret("admin")["token"] == value

    last = max(from_rfc3339(kept["deadline"]), from_rfc3339(orphan["deadline"]))
    stack.pass_days((last - stack.now).total_seconds() / DAY)
    stack.up()
    assert stack.live_at_authentik() == [receipt["generation"]]
    assert (stack.mints, stack.authentik.accepts(value)) == (0, True)
