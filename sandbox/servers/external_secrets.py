"""A real External Secrets controller against a sandbox cluster, which has its definitions installed.

Its webhooks and their certificates are left out: they only refuse early what the controller refuses as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from sandbox.servers import processes
from toolchain import locate

_NAME = "external-secrets"


def start(state: Path, kubeconfig: Path) -> str:
    """Start the controller, or find the one that runs; returns the URL of its metrics.

    It acts as whoever `kubeconfig` is of. Raises processes.ServerDidNotStartError with the log's end.
    """
    running_already = processes.found(state, _NAME)
    if running_already is not None:
        return running_already.url
    metrics, health = (f"127.0.0.1:{processes.free_port()}" for _ in range(2))
    argv: list[str | Path] = [
        locate("external-secrets"),
        f"--metrics-addr={metrics}",
        f"--live-addr={health}",
        "--concurrent=4",
        "--zap-time-encoding=rfc3339",
    ]
    url = f"http://{metrics}/metrics"
    process = processes.start(_NAME, argv, state, url=url, env={"KUBECONFIG": str(kubeconfig)})
    try:
        processes.wait_until_ready(process, lambda: _answers(f"http://{health}/healthz"))
    except BaseException:
        stop(state)
        raise
    return url


def stop(state: Path) -> None:
    """End it; gone is success."""
    processes.stop(state, _NAME)


@contextmanager
def running(state: Path, kubeconfig: Path) -> Iterator[str]:
    """The controller for the length of a block; yields the URL of its metrics."""
    try:
        yield start(state, kubeconfig)
    finally:
        stop(state)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
