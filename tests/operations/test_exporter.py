"""The exporter as a server: what it needs, what it says while it knows nothing, and how it ends."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from kubernetes import client
from prometheus_client.parser import text_string_to_metric_families

from operations import exporter
from operations.cluster import Cluster
from operations.exporter import reader, serving
from operations.exporting.collector import ReceiptsCollector
from operations.exporting.facts import Facts, read_cluster, read_folder
from operations.run_log import open_log
from rotation.errors import ClusterAway, InvalidSettings
from rotation.run_record import ROTATE
from rotation.testing.builders import HandClock
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account
from tests.operations.facts import DAY, NOW, a_collector, a_receipt, a_record, some_facts


def test_while_the_api_is_away_no_token_has_a_series(api_down: Callable[[], Facts]) -> None:
    """`receipts_up` says 0 and since when; instants that may be of yesterday are not told as today's."""
    clock, log = HandClock(NOW), open_log("run-1", lambda: NOW)
    answers = iter([some_facts, api_down])

    def read() -> Facts:
        return next(answers)()

    collector = ReceiptsCollector(read, log, clock)
    up = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    clock.move(DAY)
    down = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    assert up["token_rotation_receipts_up"] == 1
    assert "token_rotation_expires_timestamp_seconds" in up
    assert down == {
        "token_rotation_receipts_up": 0,
        "token_rotation_receipts_read_timestamp_seconds": NOW.timestamp(),
    }


def test_an_api_that_hangs_is_told_within_the_limit() -> None:
    """A scrape is answered although the API server is not answering, and long before the scrape's own limit."""
    released = threading.Event()

    def hang() -> Facts:
        released.wait(30)
        return some_facts()

    collector = a_collector(hang)
    collector.limit = DAY / 86400 / 10
    began = time.monotonic()
    told = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    released.set()
    assert told == {"token_rotation_receipts_up": 0}
    assert time.monotonic() - began < 5


def test_scrapes_that_follow_each_other_ask_once() -> None:
    """Two Prometheus servers and a curious person are one question to the API server."""
    asked: list[int] = []

    def count() -> Facts:
        asked.append(1)
        return some_facts()

    clock = HandClock(NOW)
    collector = ReceiptsCollector(count, open_log("run-1", clock), clock)
    for _ in range(3):
        list(collector.collect())
    assert len(asked) == 1
    clock.move(DAY)
    list(collector.collect())
    assert len(asked) == 2


def test_a_clock_that_is_set_back_makes_no_old_facts_new() -> None:
    """What was read is read again, though by the clock it is not even read yet."""
    asked: list[int] = []
    clock = HandClock(NOW)

    def read() -> Facts:
        asked.append(1)
        return some_facts()

    collector = ReceiptsCollector(read, open_log("run-1", clock), clock)
    list(collector.collect())
    clock.move(-DAY)
    list(collector.collect())
    assert len(asked) == 2


def test_it_is_served_in_the_form_that_prometheus_reads() -> None:
    """`/metrics` parses, `/healthz` answers without asking anything, and nothing else is there."""
    with serving(a_collector(some_facts), "127.0.0.1", 0) as port:
        at = f"http://127.0.0.1:{port}"
        scraped = httpx.get(f"{at}/metrics", trust_env=False)
        assert httpx.get(f"{at}/healthz", trust_env=False).text == "ok\n"
        assert httpx.get(f"{at}/secrets", trust_env=False).status_code == 404
    families_read = {family.name: family.type for family in text_string_to_metric_families(scraped.text)}
    assert families_read["token_rotation_expires_timestamp_seconds"] == "gauge"
    assert families_read["token_rotation_rotations"] == "counter"


def test_it_reads_a_mounted_folder(tmp_path: Path) -> None:
    """A mounted ConfigMap is a folder with a file for each entry, beside the kubelet's own links."""
    (tmp_path / "token-receipts" / "..data").mkdir(parents=True)
    (tmp_path / "token-receipts" / "admin").write_text(a_receipt().model_dump_json())
    assert read_folder(tmp_path, "token-receipts") == Facts({"admin": a_receipt()})
    (tmp_path / "token-receipts-runs").mkdir()
    (tmp_path / "token-receipts-runs" / ROTATE).write_text(a_record().model_dump_json())
    assert read_folder(tmp_path, "token-receipts").runs == {ROTATE: a_record()}


def test_a_folder_that_is_not_mounted_is_no_empty_stack(tmp_path: Path) -> None:
    """A mount that is missing altogether is told as unreadable."""
    told = list(a_collector(reader("apps/token-receipts", tmp_path / "nowhere")).collect())
    assert told[0].samples[0].value == 0


def test_without_receipts_it_refuses_and_says_what_to_set() -> None:
    """A person who forgot the variable learns its name."""
    with pytest.raises(InvalidSettings, match="TOKEN_ROTATION_RECEIPTS"):
        reader("", None)


def test_it_needs_no_right_but_to_read_two_config_maps(
    kubernetes_server: KubernetesServer, namespace: str, tmp_path: Path
) -> None:
    """As a ServiceAccount that may `get` just these two, the real API server gives it all that it tells."""
    with kubernetes_server.admin_client() as api:
        core = client.CoreV1Api(api)
        for name, data in (
            ("token-receipts", {"admin": a_receipt().model_dump_json()}),
            ("token-receipts-runs", {ROTATE: a_record().model_dump_json()}),
        ):
            metadata = client.V1ObjectMeta(name=name)
            core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=metadata, data=data))
        rule = Rule(["get"], ["configmaps"], names=["token-receipts", "token-receipts-runs"])
        token = make_service_account(api, namespace, "exporter", [rule])
    cluster = Cluster.connect(str(kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token=token)))
    facts = read_cluster(cluster, namespace, "token-receipts")
    cluster.close()
    assert facts == Facts({"admin": a_receipt()}, {ROTATE: a_record()})


def test_it_ends_when_told_to(tmp_path: Path) -> None:
    """The process answers at its port, and a SIGTERM ends it with 0."""
    (tmp_path / "token-receipts").mkdir()
    port = _free_port()
    code = "from operations import exporter; import typer; typer.run(exporter.command)"
    arguments = ["--port", str(port), "--address", "127.0.0.1", "--folder", str(tmp_path)]
    environment = {**os.environ, "TOKEN_ROTATION_RECEIPTS": "apps/token-receipts"}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "exporter serves" in process.stdout.readline()
        assert "token_rotation_receipts_up 1.0" in httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads which address it was, and the process ends with 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended, _signals_kept():
            exporter.command(port, "127.0.0.1", "apps/token-receipts", tmp_path)
    assert ended.value.code == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().out


@pytest.fixture
def api_down() -> Callable[[], Facts]:
    def away() -> Facts:
        raise ClusterAway("read the receipts", "no answer")

    return away


@pytest.fixture
def namespace(kubernetes_server: KubernetesServer) -> str:
    name = f"test-{secrets.token_hex(4)}"
    with kubernetes_server.admin_client() as api:
        make_namespace(api, name)
    return name


@contextmanager
def _signals_kept() -> Iterator[None]:
    """The command takes over how this process ends."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
