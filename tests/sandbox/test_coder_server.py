"""The simulated Coder as a server: a process of its own, with a user or with none, and many callers at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox.clock import move
from sandbox.remote import Remote
from sandbox.serve import mounted
from tests.sandbox.coder_world import PASSWORD, CoderWorld

ROOT = Path(__file__).resolve().parents[2]
FIRST = {"email": "admin@example.com", "username": "admin", "password": PASSWORD}


@contextmanager
def running(*options: str) -> Iterator[httpx.Client]:
    """A client of a process that is ended afterwards."""
    argv = [sys.executable, "-m", "sandbox.serve", "coder", *options]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=f"{url}/api/v2", timeout=10, trust_env=False) as http:
                yield http
        finally:
            process.terminate()


def _log_in(http: httpx.Client, password: str) -> None:
    answer = http.post("/users/login", json={"email": "admin@example.com", "password": password})
    assert answer.status_code == 201
    http.headers["coder-session-token"] = answer.json()["session_token"]


def test_it_starts_without_a_user() -> None:
    """As a fresh deployment does: the first one is made by whoever comes first."""
    with running() as http:
        assert http.get("/users/first").status_code == 404
        assert http.post("/users/first", json=FIRST).status_code == 201
        _log_in(http, PASSWORD)
        assert http.get("/users/me").json()["username"] == "admin"


def test_it_starts_with_an_owner_whose_password_is_in_a_file(tmp_path: Path) -> None:
    """The file is written when it is not there, for its owner's eyes; one that is there is used as it is."""
    file, clock = tmp_path / "password", tmp_path / "clock"
    with running("--owner-password-file", str(file), "--clock-file", str(clock), "--sliding-expiry") as http:
        assert file.stat().st_mode & 0o077 == 0
        assert http.get("/users/first").status_code == 200
        _log_in(http, file.read_text())
        _see_a_token_slide(http, clock)
    file.write_text(f"{PASSWORD}\n")
    with running("--owner-password-file", str(file)) as http:
        _log_in(http, PASSWORD)


def _see_a_token_slide(http: httpx.Client, clock: Path) -> None:
    value = http.post("/users/me/keys/tokens", json={"token_name": "one", "lifetime": 7200 * 10**9}).json()["key"]
    http.headers["coder-session-token"] = value
    for _ in range(2):
        move(clock, 5400)
        assert http.get("/users/me").status_code == 200


def test_the_control_shows_it_from_inside() -> None:
    """Live tokens by name, user and end; calls by template; whether a value works. Never a value."""
    coder = CoderWorld()
    value = coder.mint("one", user="ann")
    with mounted(coder.server.handle, coder.server) as url, Remote(url) as remote:
        shown = remote.live_tokens()
        assert {"identifier": "one", "username": "ann", "expires": "2026-01-08T12:00:00Z"} in shown
        assert value.partition("-")[2] not in str(shown)
        assert remote.accepts(value)
        assert remote.calls()["POST", "/users/{user}/keys/tokens"] == 1


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns so often that one is interrupted in the middle of what it does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurried")
def test_one_of_many_gets_a_name() -> None:
    """Of twenty that ask for it at once; the others are told that it is taken."""
    coder = CoderWorld()
    for name in map(str, range(20)):
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _, name=name: _status(coder, name), range(20)))
        assert sorted(answers) == [201] + [409] * 19


def _status(coder: CoderWorld, name: str) -> int:
    return coder.call("POST", "/users/me/keys/tokens", {"token_name": name}).status
