"""Without 1Password the settings last read from it count: they stand in the cluster. The API server is real."""

from __future__ import annotations

import json
import secrets

import pytest
from kubernetes import client

from components.preferences import ITEM_TITLE, People
from components.settings_secret import VAULTS_ANNOTATION, last_read
from dynamic_providers.cluster import ClusterSettings
from rotation.preferences import LAST_READ, SETTINGS_SECRET, SOURCES_ANNOTATION, as_texts
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace
from tests.components.people_world import PeopleWorld


def write_secret(server: KubernetesServer, people: People, **vaults: str) -> None:
    """The Secret as a stack leaves it."""
    told = {SOURCES_ANNOTATION: people.preferences.sources, VAULTS_ANNOTATION: vaults}
    annotations = {name: json.dumps(value) for name, value in told.items()}
    metadata = client.V1ObjectMeta(name=SETTINGS_SECRET, annotations=annotations)
    body = client.V1Secret(metadata=metadata, string_data=as_texts(people.preferences))
    with server.admin_client() as api:
        make_namespace(api, people.preferences.namespace)
        client.CoreV1Api(api).create_namespaced_secret(people.preferences.namespace, body)


@pytest.fixture
def remembered(kubernetes_server: KubernetesServer) -> PeopleWorld:
    """A world whose settings were read, and written into the cluster, by a run before."""
    world = PeopleWorld()
    world.kubeconfig = str(kubernetes_server.kubeconfig)
    world.stack = {"namespace": f"people-{secrets.token_hex(3)}", "warning_days": 59}
    world.write_item(overlap_days="45", notification_webhook="https://example.com/planted")
    write_secret(kubernetes_server, world.read(), homelab=world.connect.vault)
    return world


def test_with_connect_down_the_settings_last_read_count(remembered: PeopleWorld) -> None:
    """A run without 1Password goes on with what stood there, in one line, and asks a dead server no more."""
    before = remembered.read()
    remembered.faults.down = True
    people = remembered.read()

    assert as_texts(people.preferences) == as_texts(before.preferences)
    assert people.preferences.sources["overlap_days"] == LAST_READ
    assert people.connect is None
    assert people.vaults == {"homelab": remembered.connect.vault}
    (line,) = remembered.told
    assert line.startswith(f"the item {ITEM_TITLE!r} of 1Password cannot be read (")
    assert line.endswith("the settings last read from it count")
    assert "planted" not in line + repr(people)


@pytest.mark.parametrize("loss", ["the item is gone", "the credential is dead", "the variable is not set"])
def test_whatever_hides_the_item_what_was_read_counts(remembered: PeopleWorld, loss: str) -> None:
    """An item that is not there, a dead token and a missing variable are no reason to forget what was read."""
    if loss == "the item is gone":
        (item,) = remembered.connect.server.items(remembered.connect.vault)
        remembered.connect.server.remove_by_hand(item["id"])
        remembered.connect.settle()
    elif loss == "the credential is dead":
        remembered.environ["OP_CONNECT_TOKEN"] = "planted-dead"
    else:
        del remembered.environ["OP_CONNECT_TOKEN"]
    people = remembered.read()

    assert people.preferences.overlap_days == 45
    assert len(remembered.told) == 1
    assert "planted" not in remembered.told[0]


def test_a_bad_field_is_told_and_what_was_read_counts(remembered: PeopleWorld) -> None:
    """A slip in the item costs one line with field, remedy and what counts instead."""
    remembered.write_item(overlap_days="many", warning_days="50")
    people = remembered.read()

    assert (people.preferences.overlap_days, people.preferences.warning_days) == (45, 59)
    (line,) = remembered.told
    assert "the field overlap_days of the item" in line
    assert "it is not a whole number of days from 1 to 180. Correct it there; until then this counts" in line


def test_what_the_stack_set_is_not_remembered_as_read(remembered: PeopleWorld) -> None:
    """Of the Secret only what came from the item stands for the item."""
    last = last_read(ClusterSettings(kubeconfig=remembered.kubeconfig), remembered.stack["namespace"])
    assert "warning_days" not in last.values
    assert last.values["overlap_days"] == "45"
    assert "planted" not in repr(last)
    nothing = last_read(ClusterSettings(kubeconfig=remembered.kubeconfig), "default")
    assert (nothing.values, nothing.cause) == ({}, "")
