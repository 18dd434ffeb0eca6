"""A token in 1Password and the settings that people keep there, with the real CLI and API server."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from components.preferences import ITEM_TITLE
from rotation.clock import system_clock
from rotation.preferences import FIELDS, SETTINGS_SECRET, SOURCES_ANNOTATION
from sandbox.apis.connect import Connect
from sandbox.faults import Faults
from sandbox.pulumi_cli import ROOT, Finished, Pulumi
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace

PROGRAM = Path(__file__).parent / "programs/one_password"
TITLE = "Authentik Admin Token"
FACTS = {"created": "2026-01-01T02:00:00Z", "expires": "2027-01-01T02:00:00Z", "paused": False, "auto_rotate": True}


@dataclass
class Publishing:
    """A stack that publishes one token to 1Password and reads its settings there."""

    directory: Path
    cluster: KubernetesServer
    namespace: str
    connect: Connect
    faults: Faults
    vault: str
    environment: dict[str, str] = field(repr=False)
    printed: list[str] = field(default_factory=list)

    def up(self, value: str, previous: str = "", *options: str, check: bool = True) -> Finished:
        """Publish this pair."""
        facts = {**FACTS, "generation": f"g-{value[-1]}", "previous_generation": previous and f"g-{previous[-1]}"}
        (self.directory / "wish.json").write_text(json.dumps({"value": value, "previous": previous, "told": facts}))
        finished = self.pulumi.up(*options, check=check)
        self.printed.append(finished.output)
        return finished

    @property
    def pulumi(self) -> Pulumi:
        return Pulumi(self.directory, "test", self.environment)

    @property
    def item(self) -> dict[str, str]:
        return self.connect.values(self.vault, TITLE)

    def secret(self) -> tuple[dict[str, str], dict[str, str]]:
        """The Secret of the resolved settings: its data, and the source of each."""
        with self.cluster.admin_client() as api:
            found: Any = client.CoreV1Api(api).read_namespaced_secret(SETTINGS_SECRET, self.namespace)
        data = {name: base64.b64decode(text).decode() for name, text in found.data.items()}
        return data, json.loads(found.metadata.annotations[SOURCES_ANNOTATION])

    def ids(self) -> dict[str, str]:
        return {item["title"]: item["id"] for item in self.connect.items(self.vault)}


@pytest.fixture
def publishing(tmp_path: Path, kubernetes_server: KubernetesServer) -> Iterator[Publishing]:
    directory = tmp_path / "project"
    shutil.copytree(PROGRAM, directory)
    for name in ("components", "dynamic_providers", "rotation"):
        (directory / name).symlink_to(ROOT / name)
    (directory / "state").mkdir()
    namespace = f"op-{secrets.token_hex(4)}"
    with kubernetes_server.admin_client() as api:
        make_namespace(api, namespace)
    connect = Connect(system_clock)
    vault = connect.add_vault("homelab")
    faults = Faults(connect.handle)
    token = connect.grant("rotator", vault)
    with mounted(faults, connect) as url:
        environment = {
            "WISH": str(directory / "wish.json"),
            "KUBECONFIG": str(kubernetes_server.kubeconfig),
            "NAMESPACE": namespace,
            "OP_CONNECT_HOST": url,
            "OP_CONNECT_TOKEN": token,
            "PULUMI_BACKEND_URL": f"file://{directory}/state",
            "PULUMI_HOME": str(directory / "pulumi-home"),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        made = Publishing(directory, kubernetes_server, namespace, connect, faults, vault, environment)
        made.pulumi.create_stack()
        made.pulumi.run("config", "set", "--path", "onePassword.create_settings_item", "true", "--stack", "test")
        yield made
        _nothing_leaked(made, token)


def _nothing_leaked(made: Publishing, token: str) -> None:
    """No value in what was printed or stored; the credential in no state, not even encrypted."""
    stored = "".join(file.read_text() for file in (made.directory / "state").rglob("*") if file.is_file())
    assert "planted" not in "".join(made.printed) + stored
    assert token not in json.dumps(made.pulumi.export("--show-secrets"))


@pytest.mark.deep
def test_a_token_in_one_password(publishing: Publishing) -> None:
    """Both values stand in one item in the overlap, and the previous one is gone after it; nothing is made twice."""
    publishing.faults.lose_answer(method="POST")
    assert publishing.up("planted-1", check=False).code
    publishing.up("planted-1")
    first = publishing.ids()
    assert publishing.item["token"] == "planted-1"
    assert publishing.item["rotation_status"] == "active"
    assert set(first) == {TITLE, ITEM_TITLE}
    assert len(publishing.connect.items(publishing.vault)) == 2, "what the lost answer left was taken over"

    publishing.up("planted-2", "planted-1")
    overlap = publishing.item
    publishing.up("planted-2")
    assert (overlap["token"], overlap["token-previous"]) == ("planted-2", "planted-1")
    assert overlap["rotation_status"] == "overlap"
    assert "token-previous" not in publishing.item
    publishing.up("planted-2", "", "--expect-no-changes")
    assert publishing.ids() == first

    publishing.connect.write_by_hand(publishing.vault, TITLE, {"token": "planted-theirs"})
    publishing.connect.sweep()
    refused = publishing.up("planted-3", "planted-2", check=False)
    assert "is not ours. Rename it; or give it the tags" in refused.output
    assert publishing.item == {"token": "planted-theirs"}


def test_the_settings_that_people_keep(publishing: Publishing) -> None:
    """The item is made once with the seed's fields; what people write there counts, and goes on counting without it."""
    publishing.up("planted-1")
    fields = publishing.connect.values(publishing.vault, ITEM_TITLE)
    assert set(fields) == set(FIELDS) - {"notification_webhook"}
    tags = ("token-rotation", "test-12345678")
    changed = {**fields, "overlap_days": "45", "notification_webhook": "https://example.com/planted"}
    publishing.connect.write_by_hand(publishing.vault, ITEM_TITLE, changed, tags=tags)
    publishing.connect.sweep()
    publishing.up("planted-1")
    data, sources = publishing.secret()
    assert (data["overlap_days"], sources["overlap_days"]) == ("45", "1Password item")
    assert data["notification_webhook"] == "https://example.com/planted"
    assert publishing.connect.values(publishing.vault, ITEM_TITLE) == changed, "a run wrote over what people wrote"

    publishing.faults.down = True
    told = publishing.up("planted-1").output
    data, sources = publishing.secret()
    assert "of 1Password cannot be read (" in told
    assert "); the settings last read from it count" in told
    assert (data["overlap_days"], sources["overlap_days"]) == ("45", "1Password item, as last read")
    publishing.up("planted-1", "", "--expect-no-changes")
