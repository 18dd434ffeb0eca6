from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from sandbox.clock import move
from sandbox.faults import Fault, Faults
from sandbox.remote import Remote
from sandbox.serve import mounted
from tests.sandbox.authentik_world import World

ROOT = Path(__file__).resolve().parents[2]


class Mounted:
    """A simulated Authentik on a socket, with a client that knows its key."""

    def __init__(self, world: World, faults: Faults, url: str, http: httpx.Client) -> None:
        self.world = world
        self.faults = faults
        self.url = url
        self.http = http


def _client(url: str, key: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{url}/api/v3", headers=headers, timeout=10, trust_env=False)


@pytest.fixture
def server() -> Iterator[Mounted]:
    world = World()
    faults = Faults(world.server.handle)
    with mounted(faults, world.server) as url, _client(url, world.admin) as http:
        yield Mounted(world, faults, url, http)


def test_requests_arrive_whole(server: Mounted) -> None:
    """Method, path, query, headers and body come through the socket, and so does the answer."""
    assert server.http.post("/core/tokens/", json={"identifier": "one"}).status_code == 201
    found = server.http.get("/core/tokens/", params={"identifier": "one", "page_size": "1"}).json()
    assert found["results"][0]["identifier"] == "one"
    assert server.http.delete("/core/tokens/one/").status_code == 204
    assert server.http.get("/core/tokens/one/").headers["date"] == "Thu, 01 Jan 2026 12:00:00 GMT"


def test_it_listens_on_loopback_only(server: Mounted) -> None:
    """The address is 127.0.0.1, whatever the machine has."""
    assert server.url.startswith("http://127.0.0.1:")


def test_a_lost_answer_breaks_the_connection(server: Mounted) -> None:
    """Over a socket a lost answer is a connection that ends without a word, after the act."""
    server.faults.lose_answer(method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        server.http.post("/core/tokens/", json={"identifier": "one"})
    assert server.http.get("/core/tokens/one/").status_code == 200


def test_a_delay_meets_the_clients_timeout(server: Mounted) -> None:
    """A client that waits less than the delay gives up."""
    server.faults.delay(0.3)
    with pytest.raises(httpx.ReadTimeout):
        server.http.get("/core/users/me/", timeout=0.05)


def test_down_and_up_again(server: Mounted) -> None:
    """A server that is down answers nothing but its control."""
    with Remote(server.url) as remote:
        remote.set_down(True)
        with pytest.raises(httpx.TransportError):
            server.http.get("/core/users/me/")
        remote.set_down(False)
    assert server.http.get("/core/users/me/").status_code == 200


def test_the_control_shows_what_is_inside(server: Mounted) -> None:
    """Another process reads calls and live tokens, tries a key, sweeps, and sets faults."""
    server.http.post("/core/tokens/", json={"identifier": "one"})
    key = server.world.key_of("one")
    with Remote(server.url) as remote:
        assert remote.calls()["POST", "/core/tokens/"] == 1
        assert remote.accepts(key)
        one = remote.live_tokens()[1]
        assert one == {"identifier": "one", "username": "akadmin", "expires": "2026-01-01T12:30:00Z"}
        server.world.clock.move(minutes=30)
        remote.sweep()
        assert not remote.accepts(key)
        remote.add_fault(Fault("refuse", status=429, times=5))
        assert server.http.get("/core/users/me/").status_code == 429
        remote.clear_faults()
    assert server.http.get("/core/users/me/").status_code == 200


def test_a_control_request_that_does_not_fit_is_refused(server: Mounted) -> None:
    """A body with an unknown field is 400 with the cause, an unknown act 404."""
    assert httpx.post(f"{server.url}/_sandbox/faults", json={"knd": "drop"}, trust_env=False).status_code == 400
    assert httpx.get(f"{server.url}/_sandbox/nothing", trust_env=False).status_code == 404


def test_the_control_is_on_the_socket_only(world: World) -> None:
    """A handler that is called directly has no control API."""
    assert world.call("GET", "/_sandbox/calls").status == 404


def test_stopping_ends_connections_that_are_kept_alive() -> None:
    """After the block nobody can talk on, not even on a connection that was open."""
    world = World()
    with ExitStack() as stack:
        with mounted(world.server.handle) as url:
            http = stack.enter_context(_client(url, world.admin))
            assert http.get("/core/users/me/").status_code == 200
        with pytest.raises(httpx.TransportError):
            http.get("/core/users/me/")


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """Started by `python -m sandbox.serve` it says its URL, follows the clock file, and stops when told."""
    key_file, clock_file = tmp_path / "key", tmp_path / "clock"
    argv = [sys.executable, "-m", "sandbox.serve", "authentik", "--bootstrap-token-file", str(key_file)]
    argv += ["--default-token-duration", "hours=1", "--clock-file", str(clock_file)]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            _use_process(url, key_file.read_text(), clock_file)
        finally:
            process.terminate()
    assert key_file.stat().st_mode & 0o077 == 0


def _use_process(url: str, key: str, clock_file: Path) -> None:
    with _client(url, key) as http, Remote(url) as remote:
        assert http.post("/core/tokens/", json={"identifier": "one"}).status_code == 201
        assert len(remote.live_tokens()) == 2
        move(clock_file, 3600)
        remote.sweep()
        assert http.get("/events/events/", params={"action": "secret_rotate"}).json()["pagination"]["count"] == 1
        remote.stop()
