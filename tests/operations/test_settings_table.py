"""Where each setting came from, for people and for programs; the webhook's url is shown to neither."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes import client
from rich.console import Console

from operations.cluster import Cluster
from operations.settings_table import HIDDEN, document, rows, show
from operations.stored_preferences import Stored, read_stored
from rotation.errors import InvalidSettings
from rotation.preferences import EXPECTED, LAST_READ, VARIABLES
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace

WEBHOOK = "https://hooks.example.com/planted-key-of-the-webhook"
SOURCES = {
    "overlap_days": "stack config",
    "warning_days": "1Password item",
    "validation_timeout": LAST_READ,
    "notification_webhook": "1Password item",
}
DATA = {
    "overlap_days": "45",
    "warning_days": "90",
    "validation_timeout": "10s",
    "notification_webhook": WEBHOOK,
    "rotation_enabled": "true",
}


def no_cluster() -> Cluster:
    raise AssertionError("nothing is asked of a cluster")


@pytest.fixture
def stored(kubernetes_server: KubernetesServer) -> Callable[..., Stored]:
    """Reads a Secret like the one that a stack wrote, from a real API server, under this environment."""
    name = f"test-{secrets.token_hex(4)}"
    annotations = {"token-rotation/sources": json.dumps(SOURCES)}
    with kubernetes_server.admin_client() as api:
        make_namespace(api, name)
        metadata = client.V1ObjectMeta(name="config", annotations=annotations)
        client.CoreV1Api(api).create_namespaced_secret(name, client.V1Secret(metadata=metadata, string_data=DATA))

    def read(kubeconfig: Path = kubernetes_server.kubeconfig, place: str = "config", **environ: str) -> Stored:
        given = {"TOKEN_ROTATION_SETTINGS": f"{name}/{place}", **environ}
        return read_stored(given, lambda: Cluster.connect(str(kubeconfig)))

    return read


def told(found: Stored) -> dict[str, tuple[str, str]]:
    """Setting to value and source."""
    return {row.setting: (row.value, row.source) for row in rows(found)}


def shown(found: Stored) -> str:
    """What a person sees."""
    console = Console(file=io.StringIO(), width=200)
    show(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_setting_has_its_row() -> None:
    """The seven variables and the ten fields are all there, each once."""
    found = rows(read_stored({}, no_cluster))
    assert [row.setting for row in found] == list(EXPECTED)
    assert {row.variable for row in found if row.variable} == set(VARIABLES.values())


def test_each_value_is_told_with_its_source(stored: Callable[..., Stored]) -> None:
    """Stack config, environment, 1Password item (also as last read) and default are told apart."""
    found = told(stored(WARNING_DAYS="30", OVERLAP_DAYS="5"))
    assert found["overlap_days"] == ("45", "stack config")
    assert found["warning_days"] == ("30", "environment")
    assert found["validation_timeout"] == ("10s", LAST_READ)
    assert found["notification_webhook"] == (HIDDEN, "1Password item")
    assert found["check_interval"] == ("1d", "default")


def test_without_a_cluster_environment_and_defaults_are_told() -> None:
    """A person at a desk sees what would count, and why no more is known."""
    found = read_stored({"VALIDATION_ENABLED": "false"}, no_cluster)
    assert told(found)["validation_enabled"] == ("false", "environment")
    assert told(found)["namespace"] == ("authentik", "default")
    assert "TOKEN_ROTATION_SETTINGS is not set" in shown(found)


def test_a_secret_that_cannot_be_read_is_told(stored: Callable[..., Stored]) -> None:
    """The table is shown all the same, and says what is missing in it."""
    found = stored(place="other")
    assert told(found)["overlap_days"] == ("30", "default")
    assert "could not be read (there is no such Secret)" in shown(found)


def test_a_cluster_that_is_away_is_told(stored: Callable[..., Stored], tmp_path: Path) -> None:
    """No kubeconfig is no reason to show nothing."""
    found = stored(kubeconfig=tmp_path / "nowhere")
    assert found.problem == "there is no usable kubeconfig"


def test_the_webhook_is_hidden(stored: Callable[..., Stored]) -> None:
    """Its url may hold a key: neither the table nor the JSON shows it, and no repr does."""
    found = stored()
    assert "planted-key" not in shown(found) + json.dumps(document(found)) + repr(found)
    assert HIDDEN in shown(found)


def test_the_json_tells_the_same(stored: Callable[..., Stored]) -> None:
    """A program reads settings, values and sources."""
    found = stored()
    listed = json.loads(json.dumps(document(found)))["settings"]
    assert {row["setting"]: (row["value"], row["source"]) for row in listed} == told(found)


def test_a_bad_value_of_the_environment_is_refused_by_name() -> None:
    """The person who set it learns which variable to correct."""
    with pytest.raises(InvalidSettings, match="OVERLAP_DAYS"):
        read_stored({"OVERLAP_DAYS": "many"}, no_cluster)


def test_a_value_that_is_passed_over_is_told() -> None:
    """Whoever sees a default where the item holds something else learns why."""
    known = read_stored({}, no_cluster).preferences
    found = Stored(known.model_copy(update={"ignored": {"overlap_days": "it is not a whole number"}}), "apps/config")
    assert "overlap_days: what stands there is not used: it is not a whole number." in shown(found)


def test_what_people_wrote_is_no_markup(stored: Callable[..., Stored]) -> None:
    """Brackets in an item's title stand in the table as they are."""
    found = stored()
    titled = found.preferences.model_copy(update={"onepassword_item": "[bold]x[/bold]"})
    assert "[bold]x[/bold]" in shown(Stored(titled, found.place))
