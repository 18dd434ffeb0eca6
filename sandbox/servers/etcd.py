"""A real etcd: what the API server keeps its objects in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from sandbox.servers import processes
from toolchain import locate

_NAME = "etcd"


def start(state: Path) -> str:
    """Start etcd with empty data, or find the one that runs; returns its URL. Raises ServerDidNotStartError."""
    running_already = processes.found(state, _NAME)
    if running_already is not None:
        return running_already.url
    data = state / "etcd-data"
    shutil.rmtree(data, ignore_errors=True)
    url, peer_url = (f"http://127.0.0.1:{processes.free_port()}" for _ in range(2))
    argv: list[str | Path] = [
        locate("etcd"),
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        # The data is thrown away: a lost write after a power cut harms nobody, waiting for the disk does.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    process = processes.start(_NAME, argv, state, url=url)
    try:
        processes.wait_until_ready(process, lambda: _is_healthy(url))
    except processes.ServerDidNotStartError:
        stop(state)
        raise
    return url


def stop(state: Path) -> None:
    """End it and remove its data."""
    processes.stop(state, _NAME)
    shutil.rmtree(state / "etcd-data", ignore_errors=True)


@contextmanager
def running(state: Path) -> Iterator[str]:
    """etcd for the length of a block; yields its URL."""
    try:
        yield start(state)
    finally:
        stop(state)


def _is_healthy(url: str) -> bool:
    try:
        return bool(httpx.get(f"{url}/health", trust_env=False).json()["health"] == "true")
    except (httpx.HTTPError, ValueError, KeyError):
        return False
