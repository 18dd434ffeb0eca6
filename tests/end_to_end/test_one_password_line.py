"""A whole line that publishes to 1Password: minted, published, rotated, retired, with the real CLI."""

from __future__ import annotations

from pathlib import Path

from sandbox.apis.connect import Connect
from sandbox.clock import offset_clock
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.end_to_end.stack import POLICY, Stack, new_stack

TITLE = "Authentik Admin Token"


def test_a_line_through_one_password(
    tmp_path: Path, kubernetes_server: KubernetesServer, openbao_server: OpenBaoServer
) -> None:
    """Old and new are accepted and stand in one item in the overlap; after it the old one is gone and dead."""
    with new_stack(tmp_path, kubernetes_server, openbao_server) as stack:
        connect = Connect(offset_clock(stack.clock_file))
        vault = connect.add_vault("homelab")
        token = connect.grant("rotator", vault)
        with mounted(connect.handle, connect) as url:
            stack.environment |= {"OP_CONNECT_HOST": url, "OP_CONNECT_TOKEN": token, "NAMESPACE": stack.namespace}
            stack.set("onePassword", {"create_settings_item": True})
            stack.declare(admin={"backend": "authentik", "policy": POLICY, "publish": [{"onePassword": {}}]})
            _lives(stack, connect, vault)


def _lives(stack: Stack, connect: Connect, vault: str) -> None:
    stack.up()
    first = connect.values(vault, TITLE)
    stack.up()  # from here on the settings come from the item that the first run made
    stack.up("--expect-no-changes")
    stack.pass_days(61)
    stack.up()
    second = connect.values(vault, TITLE)
    assert (second["token-previous"], second["rotation_status"]) == (first["token"], "overlap")
    assert second["token"] != first["token"]
    assert stack.authentik.accepts(first["token"])
    assert stack.authentik.accepts(second["token"])

    stack.pass_days(31)
    stack.up()
    stack.up()
    third = connect.values(vault, TITLE)
    assert third["token"] == second["token"]
    assert "token-previous" not in third
    assert third["rotation_status"] == "active"
    assert not stack.authentik.accepts(first["token"])
