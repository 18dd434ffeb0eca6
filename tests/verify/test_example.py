"""The example of a consumer, on the simulated API and the real one: it lets teams in, and nobody when it is blind."""

from __future__ import annotations

import importlib.util
import json
import logging
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import generate_latest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Transport, json_request
from rotation.clock import system_clock
from rotation.errors import Unauthorised
from rotation.operator_tokens.record import Record, RecordPlace
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.testing.builders import START, HandClock
from rotation.testing.secrecy import reveals
from sandbox.apis.kubernetes import KubernetesApi
from sandbox.faults import Faults
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from tests.architecture.sources import ROOT
from tests.verify.teams import ADMISSION, Team

FILE = ROOT / "docs" / "examples" / "authorising_operator.py"
OLDEST = timedelta(minutes=1)
FAILURES = "keycloak_operator_authorization_failures_total"


def load() -> Any:
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("authorising_operator", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


example = load()


class World:
    """A cluster with a namespace for the records, and the example reading it."""

    def __init__(self, transport: Transport, clock: Callable[[], Any]) -> None:
        self.place = RecordPlace(namespace=f"operator-{secrets.token_hex(4)}")
        body = {"metadata": {"name": self.place.namespace}}
        assert transport(json_request("POST", "/api/v1/namespaces", body)).status == 201
        self.store = RecordStore(cluster_client("test", transport, clock, lambda _text: None), self.place)
        self.operator = example.build(transport, clock, self.place, OLDEST)

    def stands(self, team: Team) -> None:
        """Write what a team went through."""
        self.store.change(team.namespace, lambda before: Record(before.namespace, team.record.entries))


class Asked:
    """The answers of a served example."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, body: bytes | None = None) -> tuple[int, str]:
        """Status and text; with a body it is posted."""
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, f"{self._url}{path}", content=body, timeout=30, trust_env=False)
        return answer.status_code, answer.text

    def authorises(self, namespace: str, token: object) -> bool:
        """What `/authorise` says."""
        status, text = self.get("/authorise", json.dumps({"namespace": namespace, "token": token}).encode())
        assert (status, text) in {(200, "authorised\n"), (403, "refused\n")}
        return status == 200


def test_a_team_is_let_in_by_what_stands_in_the_cluster(kubernetes_server: KubernetesServer) -> None:
    """Current and previous value are let in, and none of it once it is revoked; alike on both servers, and counted."""
    real = kubernetes_transport(connection(str(kubernetes_server.kubeconfig)))
    for transport in (KubernetesApi(system_clock).handle, real):
        assert _told(World(transport, system_clock)) == [
            f'{FAILURES}{{namespace="unknown",reason="records-stale"}} 1.0',
            f'{FAILURES}{{namespace="team-a",reason="wrong-type"}} 1.0',
            f'{FAILURES}{{namespace="team-a",reason="unknown"}} 1.0',
            f'{FAILURES}{{namespace="team-a",reason="revoked"}} 1.0',
        ]


def _told(world: World) -> list[str]:
    team, other, now = Team(), Team("team-b"), system_clock()
    previous, current, admission, foreign = team.mint(now), team.mint(now), team.mint(now, ADMISSION), other.mint(now)
    world.stands(team)
    world.stands(other)
    operator = world.operator
    assert not operator.authorise(team.namespace, current), "nothing is read yet"
    operator.refresh()
    assert operator.authorise(team.namespace, current)
    assert operator.authorise(team.namespace, previous)
    assert not operator.authorise(team.namespace, admission)
    assert not operator.authorise(team.namespace, foreign)
    team.revoke(previous, now)
    world.stands(team)
    operator.refresh()
    assert not operator.authorise(team.namespace, previous)
    assert operator.authorise(team.namespace, current)
    metrics = generate_latest(operator.registry).decode()
    assert not [value for value in (previous, current, admission, foreign) if reveals(metrics, value)]
    return [line for line in metrics.splitlines() if line.startswith(FAILURES)]


def test_it_authorises_nobody_when_it_is_blind(caplog: pytest.LogCaptureFixture) -> None:
    """While the records are young enough an outage is nothing; then all are refused and told so, until it ends."""
    clock = HandClock()
    faults = Faults(KubernetesApi(clock).handle)
    world, team = World(faults, clock), Team()
    value = team.mint(START)
    world.stands(team)
    world.operator.refresh()
    with example.serving(world.operator, "127.0.0.1", 0) as port:
        asked = Asked(port)
        faults.down = True
        clock.move(OLDEST)
        world.operator.refresh()
        assert asked.authorises(team.namespace, value)
        clock.move(timedelta(seconds=1))
        world.operator.refresh()
        assert not asked.authorises(team.namespace, value)
        assert asked.get("/readyz") == (503, "the records are too old: nobody is authorised\n")
        assert asked.get("/healthz") == (200, "ok\n")
        assert f'{FAILURES}{{namespace="team-a",reason="records-stale"}} 1.0' in asked.get("/metrics")[1]
        faults.down = False
        world.operator.refresh()
        assert asked.authorises(team.namespace, value)
        assert asked.get("/readyz") == (200, "ok\n")
    assert "the records are older than 1m: nobody is authorised" in caplog.text
    assert not reveals(caplog.text, value)


def test_a_record_that_breaks_turns_no_team_away(caplog: pytest.LogCaptureFixture) -> None:
    """Its namespace goes by the record before, is named in the log and counted; the other teams are not touched."""
    caplog.set_level(logging.INFO)
    clock = HandClock()
    api = KubernetesApi(clock)
    world, team, other = World(api.handle, clock), Team(), Team("team-b")
    value, others = team.mint(START), other.mint(START)
    world.stands(team)
    world.operator.refresh()
    world.stands(other)
    path = f"/api/v1/namespaces/{world.place.namespace}/configmaps/{world.place.name}-team-a"
    headers = {"content-type": "application/merge-patch+json"}
    assert api.handle(json_request("PATCH", path, {"data": {"0" * 64: "{"}}, headers=headers)).status == 200
    world.operator.refresh()
    assert world.operator.authorise("team-a", value)
    assert world.operator.authorise("team-b", others)
    assert "the record before stays in use" in caplog.text
    assert "team-a" in caplog.text
    counted = 'keycloak_operator_token_records_unreadable_total{namespace="team-a"} 1.0'
    assert counted in generate_latest(world.operator.registry).decode()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 4096, b'{"namespace": {}, "token": []}', b"x" * 9999]
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    """Whatever is sent to it, it says no, and goes on."""
    clock = HandClock()
    world = World(KubernetesApi(clock).handle, clock)
    world.operator.refresh()
    with example.serving(world.operator, "127.0.0.1", 0) as port:
        assert Asked(port).get("/authorise", body) == (403, "refused\n")
        assert Asked(port).get("/elsewhere")[0] == 404


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """Started as its documentation says, it reads, serves, authorises, and ends when told to; it logs no value."""
    api = KubernetesApi(system_clock)
    world, team = World(api.handle, system_clock), Team()
    value = team.mint(system_clock())
    world.stands(team)
    with mounted(api.handle) as url, _started(_kubeconfig(tmp_path, url), world.place) as (process, asked, lines):
        assert asked.authorises(team.namespace, value)
        assert not asked.authorises(team.namespace, value[:-1])
        assert f'{FAILURES}{{namespace="team-a",reason="malformed"}} 1.0' in asked.get("/metrics")[1]
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert "refused 'team-a': malformed" in rest
    assert not reveals("".join(lines) + rest, value)


def test_it_needs_no_right_but_the_one_in_its_manifest(kubernetes_server: KubernetesServer, tmp_path: Path) -> None:
    """With the account, Role and binding beside it, it reads the records of a real cluster, and can do nothing else."""
    admin = kubernetes_transport(connection(str(kubernetes_server.kubeconfig)))
    world, team = World(admin, system_clock), Team()
    value = team.mint(system_clock())
    world.stands(team)
    for manifest in yaml.safe_load_all(FILE.with_suffix(".yaml").read_text()):
        _apply(admin, manifest, world.place.namespace)
    account = f"/api/v1/namespaces/{world.place.namespace}/serviceaccounts/authorising-operator/token"
    token = admin(json_request("POST", account, {"spec": {}})).json()["status"]["token"]
    kubeconfig = kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token=token)
    own = kubernetes_transport(connection(str(kubeconfig)))
    operator = example.build(own, system_clock, world.place, OLDEST)
    operator.refresh()
    assert operator.authorise(team.namespace, value)
    with pytest.raises(Unauthorised):
        RecordStore(cluster_client("test", own, system_clock, print), world.place).read(team.namespace)


def _apply(transport: Transport, manifest: dict[str, Any], namespace: str) -> None:
    text = json.dumps(manifest).replace("keycloak-system", namespace)
    prefix = "/api/v1" if manifest["apiVersion"] == "v1" else f"/apis/{manifest['apiVersion']}"
    path = f"{prefix}/namespaces/{namespace}/{manifest['kind'].lower()}s"
    assert transport(json_request("POST", path, json.loads(text))).status == 201


def test_without_a_cluster_it_says_so_and_ends(tmp_path: Path) -> None:
    """A kubeconfig that is not there is refused with code 2 and a remedy."""
    ended = subprocess.run(
        [sys.executable, str(FILE), "--kubeconfig", str(tmp_path / "none")],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, "there is no usable kubeconfig" in ended.stderr) == (2, True)


@contextmanager
def _started(kubeconfig: Path, place: RecordPlace) -> Iterator[tuple[subprocess.Popen[str], Asked, list[str]]]:
    """The example as a process, once it has read the records, and what it said until then."""
    options = ["--kubeconfig", str(kubeconfig), "--records", f"{place.namespace}/{place.name}", "--port", "0"]
    command = [sys.executable, str(FILE), *options]
    environment = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "teams are read" in line:
                    break
            served = next(line for line in lines if "serving at port" in line)
            yield process, Asked(int(served.split()[-1])), lines
        finally:
            process.kill()


def _kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path
