"""How operations reach the Kubernetes API."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.cluster import Cluster
from rotation.errors import ClusterError


def test_without_any_kubeconfig_the_pods_own_account_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a pod there is none: an error that names the act and the remedy."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClusterError, match=r"connect to the cluster: .*KUBECONFIG"):
        Cluster.connect()
