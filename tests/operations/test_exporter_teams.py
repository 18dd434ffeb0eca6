"""What the exporter tells of an operator's teams: from their records and receipts, each namespace once, and no hash."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from prometheus_client import CollectorRegistry, generate_latest

from operations.exporter import reader
from operations.exporting.collector import ReceiptsCollector
from operations.exporting.facts import Facts, facts_from
from operations.exporting.teams import LIMIT, Teams, listed, mounted, within
from operations.run_log import open_log
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response
from rotation.clock import system_clock
from rotation.errors import InvalidSettings
from rotation.operator_tokens.record import Record, RecordPlace, State, data_of, hash_of
from rotation.operator_tokens.store import LABELS, RECORDS_LABEL, RecordStore, cluster_client
from rotation.testing.builders import HandClock
from rotation.testing.secrecy import reveals
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account
from tests.operations.facts import DAY, NOW, VALUE, a_collector
from tests.operations.samples import names, samples, value
from tests.operations.team_records import OURS, SECOND, SEED, a_team_record, an_entry, declared, of, told
from tests.operator_tokens.store_world import NAME, PLACE, StoreWorld


def test_a_namespace_that_bootstrapped_itself_has_the_seeds_names() -> None:
    """Its record alone tells how often, until when, and that it is in use."""
    found = told(a_team_record(an_entry(), secret="team-a/another-name"))
    assert of(f"{SEED}token_rotations_total", found) == {("team-a",): 2}
    assert of(f"{SEED}token_bootstrap_total", found) == {("team-a",): 1}
    end = (NOW + 89 * DAY).timestamp()
    assert of(f"{SEED}token_expires_timestamp", found) == {("team-a", "another-name"): end}
    assert of(f"{SEED}operational_tokens_active", found) == {(): 1}


def test_a_namespace_with_a_receipt_and_a_record_is_told_once() -> None:
    """The receipt names its Secrets and its end; what the keeper counted before the stack took it over is kept."""
    generation = "homelab-3f9a1c2b_team-b_20260101t020000z_aaaaaa"
    receipt = declared(generation=generation)
    entry = an_entry("team-b", generation=generation, kept_by="stack", valid_until=NOW + 300 * DAY)
    found = told(a_team_record(entry), a_team_record(an_entry()), receipts={"team-b": receipt})
    assert of(f"{SEED}token_rotations_total", found) == {("team-a",): 2, ("team-b",): 4 + 2}
    ends = of(f"{SEED}token_expires_timestamp", found)
    assert ends["team-b", "team-b-token"] == receipt.expires.timestamp()
    assert len(ends) == 2
    assert of(f"{SEED}operational_tokens_active", found) == {(): 2}


def test_an_admission_token_is_no_operational_one() -> None:
    """It has the metrics of every token, and none of the operational ones, in a receipt as in a record."""
    generation = "homelab-3f9a1c2b_door_20260101t020000z_aaaaaa"
    entry = an_entry(token_type="admission", generation=generation, kept_by="stack")
    found = told(a_team_record(entry, rotations=0, bootstraps=0), receipts={"door": declared(generation=generation)})
    assert value(found, "token_rotation_rotations_total", token="door", backend="operator", kind="operator") == 4
    assert of(f"{SEED}token_expires_timestamp", found) == {}
    assert of(f"{SEED}token_rotations_total", found) == {("team-a",): 0}
    assert of(f"{SEED}operational_tokens_active", found) == {(): 0}


def test_what_was_revoked_has_no_end_to_come() -> None:
    """A revoked team's tokens are over: their old ends would be told of as if somebody had forgotten them."""
    generation = "homelab-3f9a1c2b_team-b_20260101t020000z_aaaaaa"
    dead: dict[str, Any] = {"state": State.REVOKED, "revoked_at": NOW}
    stack = a_team_record(an_entry("team-b", generation=generation, kept_by="stack", **dead))
    found = told(a_team_record(an_entry(**dead)), stack, receipts={"team-b": declared(generation=generation)})
    assert of(f"{SEED}token_expires_timestamp", found) == {}
    assert of(f"{SEED}operational_tokens_active", found) == {(): 0}


def test_an_orphan_is_told_by_its_namespace() -> None:
    """1 while a record says why, and no series otherwise."""
    found = told(a_team_record(an_entry(), orphaned="its Secret is gone"), a_team_record(an_entry("team-b")))
    assert of(f"{OURS}orphaned", found) == {("team-a",): 1}


def test_without_records_to_read_only_receipts_tell() -> None:
    """A stack without an operator says nothing of teams, not even a zero; one with receipts alone counts those."""
    assert not [name for name in names(samples(Facts())) if "operator" in name]
    found = samples(Facts({"team-b": declared()}))
    assert of(f"{SEED}operational_tokens_active", found) == {(): 1}
    assert f"{OURS}records_up" not in names(found)


def test_one_listing_tells_of_every_team() -> None:
    """All records of the place, over pages, and those of another place not."""
    world = StoreWorld()
    another = world.another(PLACE.model_copy(update={"name": "another"}))
    for store, namespace in ((world.store, "team-a"), (world.store, "team-b"), (another, "team-c")):
        store.change(namespace, _with_entry(namespace))
    before = sum(world.server.calls.values())
    found = listed(world.store)
    assert set(found.records) == {"team-a", "team-b"}
    assert sum(world.server.calls.values()) == before + 1


def test_a_record_that_cannot_be_read_is_a_condition() -> None:
    """It hides no other team, and its namespace is named."""
    world = StoreWorld()
    for namespace in ("team-a", "team-b"):
        world.store.change(namespace, _with_entry(namespace))
    broken = world.object_of(NAME)
    world.put({**broken, "data": {**broken["data"], "team": "{"}})
    found = samples(facts_from({}, {}, listed(world.store)))
    labels = {"token": "team-a", "backend": "", "kind": "operator", "condition": "RecordUnreadable"}
    assert value(found, "token_rotation_condition", **labels) == 1
    assert of(f"{SEED}operational_tokens_active", found) == {(): 1}
    assert of(f"{OURS}records_up", found) == {(): 1}


def test_records_that_cannot_be_listed_hide_no_receipt(capsys: pytest.CaptureFixture[str]) -> None:
    """`operator_records_up` is 0, and the log says why: once, and again after they could be read."""
    away = Teams(unread="HTTP 403 (no list)")
    answers = iter([away, away, Teams(), away])
    clock = HandClock(NOW)
    collector = ReceiptsCollector(
        lambda: Facts({"team-b": declared()}, teams=next(answers)), open_log("run-1", clock), clock
    )
    seen = []
    for _ in range(4):
        found = {one.name: one.value for family in collector.collect() for one in family.samples}
        seen.append((found["token_rotation_receipts_up"], found[f"{OURS}records_up"]))
        clock.move(DAY)
    assert seen == [(1, 0), (1, 0), (1, 1), (1, 0)]
    assert capsys.readouterr().out.count("HTTP 403 (no list)") == 2


def test_a_listing_that_hangs_is_given_up_on() -> None:
    """The receipts are told all the same, long before a scrape ends."""
    released = threading.Event()

    def hang() -> Teams:
        released.wait(30)
        return Teams()

    found = within(SECOND / 10, hang)
    released.set()
    assert found == Teams(unread="no answer within 0.1 s")


def test_a_listing_that_is_refused_says_why() -> None:
    """The server's own words, and no series that would look like a stack without teams."""
    world = StoreWorld()
    body = json.dumps({"kind": "Status", "code": 403, "message": "cannot list"}).encode()

    def refuse(_request: Request) -> Response:
        return Response(403, {"content-type": "application/json"}, body)

    found = within(SECOND, lambda: listed(world.another(send=refuse)))
    assert "cannot list" in found.unread
    assert of(f"{OURS}records_up", samples(facts_from({}, {}, found))) == {(): 0}


def test_records_are_read_where_they_are_mounted(tmp_path: Path) -> None:
    """A folder for each team that somebody mounted; a broken one is named."""
    for namespace, data in (("team-a", data_of(a_team_record(an_entry()))), ("team-b", {"team": "{"})):
        folder = tmp_path / f"{PLACE.name}-{namespace}"
        folder.mkdir()
        for key, text in data.items():
            (folder / key).write_text(text)
    (tmp_path / "token-receipts").mkdir()
    read = reader("apps/token-receipts", tmp_path, f"{PLACE.namespace}/{PLACE.name}")
    assert read().teams == mounted(tmp_path, PLACE.name)
    assert read().teams == Teams({"team-a": a_team_record(an_entry())}, unreadable=("team-b",))


@pytest.mark.parametrize("text", ["records", "Keycloak/records", "keycloak/records/more"])
def test_a_place_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    """Before anything is served, with the name of the variable."""
    with pytest.raises(InvalidSettings, match="TOKEN_ROTATION_RECORDS"):
        reader("apps/token-receipts", tmp_path, text)


def test_no_hash_of_a_value_is_told() -> None:
    """What lets a value in stands in no metric, neither does the value's own."""
    record = a_team_record(an_entry(), an_entry(generation="homelab_x", state=State.SUPERSEDED), orphaned=f"x {VALUE}")
    registry = CollectorRegistry()
    registry.register(a_collector(lambda: Facts(teams=Teams({"team-a": record}))))
    text = generate_latest(registry).decode()
    assert f"{OURS}orphaned{{" in text
    assert not [hashed for hashed in record.entries if hashed in text]
    assert not reveals(text, VALUE)


def test_it_needs_the_right_to_list_config_maps(kubernetes_server: KubernetesServer, tmp_path: Path) -> None:
    """A listing cannot be limited by name. With `list` beside both `get` the real API server gives the records too."""
    namespace = f"test-{secrets.token_hex(4)}"
    with kubernetes_server.admin_client() as api:
        make_namespace(api, namespace)
        metadata = client.V1ObjectMeta(name="records-team-a", labels={**LABELS, RECORDS_LABEL: "records"})
        body = client.V1ConfigMap(metadata=metadata, data=data_of(a_team_record(an_entry())))
        client.CoreV1Api(api).create_namespaced_config_map(namespace, body)
        receipts = Rule(["get"], ["configmaps"], names=["token-receipts", "token-receipts-runs"])
        may = make_service_account(api, namespace, "may", [receipts, Rule(["list"], ["configmaps"])])
        may_not = make_service_account(api, namespace, "may-not", [receipts])

    def read_as(token: str) -> Teams:
        path = str(kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token=token))
        cluster = cluster_client("the cluster", kubernetes_transport(connection(path)), system_clock, _quiet)
        store = RecordStore(cluster, RecordPlace(namespace=namespace, name="records"))
        return within(LIMIT, lambda: listed(store))

    assert read_as(may).records["team-a"].entries == a_team_record(an_entry()).entries
    assert "cannot list" in read_as(may_not).unread


def _with_entry(namespace: str) -> Callable[[Record], Record]:
    return lambda record: record.with_entry(hash_of(namespace), an_entry(namespace))


def _quiet(_text: str) -> None:
    """Say nothing."""
