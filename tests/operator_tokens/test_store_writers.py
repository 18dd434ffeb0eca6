"""Many writers at once, and the rights that one needs: on a real API server, too."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.clock import system_clock
from rotation.errors import Unauthorised
from rotation.operator_tokens.record import RecordPlace, hash_of, new_value
from rotation.operator_tokens.store import RecordStore, cluster_client
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account
from tests.operator_tokens.store_world import PLACE, TEAM, StoreWorld, adding

WRITERS = 20


def _at_once(store: Callable[[], RecordStore]) -> list[str]:
    """Twenty writers, each with a connection of its own, change one record; returns the hashes that each entered."""
    values = [new_value() for _ in range(WRITERS)]

    def write(value: str) -> None:
        store().change(TEAM, adding(value))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, values))
    return sorted(map(hash_of, values))


def test_twenty_writers_at_once_lose_no_hash() -> None:
    """All entries stand, with twenty versions, in the simulated cluster."""
    world = StoreWorld()
    client = cluster_client("operator", world.faults, world.clock, lambda _text: None)
    entered = _at_once(lambda: RecordStore(client, PLACE))
    record = world.store.read(TEAM)
    assert sorted(record.entries) == entered
    assert sorted(entry.version for entry in record.entries.values()) == list(range(1, WRITERS + 1))


@pytest.fixture
def real_place(kubernetes_server: KubernetesServer) -> RecordPlace:
    """A namespace of its own on the real API server."""
    place = RecordPlace(namespace=f"records-{secrets.token_hex(4)}")
    api = kubernetes_server.admin_client()
    make_namespace(api, place.namespace)
    api.close()
    return place


def _real_store(kubeconfig: Path, place: RecordPlace) -> RecordStore:
    send = kubernetes_transport(connection(str(kubeconfig)))
    return RecordStore(cluster_client("operator", send, system_clock, lambda _text: None), place)


def test_twenty_writers_at_once_lose_no_hash_on_a_real_server(
    kubernetes_server: KubernetesServer, real_place: RecordPlace
) -> None:
    """The same on a real API server, each with connections of its own, from the creation of the record on."""
    entered = _at_once(lambda: _real_store(kubernetes_server.kubeconfig, real_place))
    record = _real_store(kubernetes_server.kubeconfig, real_place).read(TEAM)
    assert sorted(record.entries) == entered
    assert sorted(entry.version for entry in record.entries.values()) == list(range(1, WRITERS + 1))


def test_four_rights_are_enough_and_each_is_needed(
    kubernetes_server: KubernetesServer, real_place: RecordPlace, tmp_path: Path
) -> None:
    """get, list, create and update on ConfigMaps of one namespace; without one the act that needs it says so."""
    api = kubernetes_server.admin_client()

    def store(name: str, *verbs: str) -> RecordStore:
        rules = [Rule(verbs, ("configmaps",))]
        token = make_service_account(api, real_place.namespace, name, rules)
        return _real_store(kubernetes_server.write_kubeconfig(tmp_path / name, token=token), real_place)

    allowed = store("allowed", "get", "list", "create", "update")
    allowed.check()
    allowed.change(TEAM, adding())
    assert len(allowed.change(TEAM, adding()).entries) == 2
    assert len(allowed.all()) == 1
    needs: dict[str, Callable[[RecordStore], object]] = {
        "get": lambda one: one.read(TEAM),
        "list": lambda one: one.check(),
        "create": lambda one: one.change("team-b", adding()),
        "update": lambda one: one.change(TEAM, adding()),
    }
    for lacking, act in needs.items():
        with pytest.raises(Unauthorised, match="HTTP 403"):
            act(store(f"without-{lacking}", *(verb for verb in needs if verb != lacking)))
    api.close()
