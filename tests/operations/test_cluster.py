"""How operations reach the Kubernetes API."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from operations.cluster import Cluster
from rotation.errors import ClusterAway, ClusterError


def test_without_any_kubeconfig_the_pods_own_account_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a pod there is none: an error that names the act and the remedy."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClusterError, match=r"connect to the cluster: .*KUBECONFIG"):
        Cluster.connect()


@pytest.mark.parametrize("body", [b'{"metadata": {"name"', b"<html>a proxy</html>"], ids=["cut off", "no JSON"])
def test_an_answer_that_cannot_be_read_is_none(tmp_path: Path, body: bytes) -> None:
    """An API server that dies within its answer, and a proxy that speaks for it, are as one that is away."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    length = len(body) if body.startswith(b"<") else 1000

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            connection.sendall(head.encode() + body)

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    named = {"name": "x", "cluster": {"server": url}, "user": {}, "context": {"cluster": "x", "user": "x"}}
    config = {"clusters": [named], "users": [named], "contexts": [named], "current-context": "x"}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    cluster = Cluster.connect(str(tmp_path / "kubeconfig"))
    with pytest.raises(ClusterAway, match="read the Lease ops/lease: no answer"):
        cluster.lease("ops", "lease")
    cluster.close()
    answering.join()
    listening.close()
