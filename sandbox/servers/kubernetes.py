"""A real kube-apiserver on its own etcd, with RBAC on. No controllers run: nothing garbage-collects, no pod starts."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from kubernetes import client, config

from sandbox.servers import etcd, processes
from sandbox.servers.certificates import Authority, KeyPair, new_private_key
from toolchain import locate

_NAME = "kube-apiserver"


@dataclass(frozen=True)
class KubernetesServer:
    """A cluster that runs: its URL, and the kubeconfig of an administrator."""

    url: str
    kubeconfig: Path

    def admin_client(self) -> client.ApiClient:
        """A client that may do everything. Close it."""
        made: client.ApiClient = config.new_client_from_config(str(self.kubeconfig))
        return made

    def write_kubeconfig(self, path: Path, *, token: str) -> Path:
        """A kubeconfig for whoever this bearer token belongs to."""
        admin = yaml.safe_load(self.kubeconfig.read_text())
        _write_private(path, yaml.safe_dump(_kubeconfig(admin["clusters"][0]["cluster"], {"token": token})).encode())
        return path


def start(state: Path) -> KubernetesServer:
    """Start an empty cluster, or find the one that runs. Raises processes.ServerDidNotStartError with the log's end."""
    running_already = processes.found(state, _NAME)
    if running_already is not None:
        return KubernetesServer(running_already.url, state / "kubeconfig")
    try:
        return _start_api_server(state, etcd.start(state))
    except BaseException:
        stop(state)
        raise


def stop(state: Path) -> None:
    """End the API server and then its etcd; both gone is success."""
    processes.stop(state, _NAME)
    etcd.stop(state)


@contextmanager
def running(state: Path) -> Iterator[KubernetesServer]:
    """An empty cluster for the length of a block."""
    try:
        yield start(state)
    finally:
        stop(state)


def _start_api_server(state: Path, etcd_url: str) -> KubernetesServer:
    url = f"https://127.0.0.1:{processes.free_port()}"
    authority = Authority("sandbox-authority")
    admin = authority.client("sandbox-admin", "system:masters")
    _write_pki(state / "pki", authority, authority.server("localhost", "kubernetes.default.svc"), admin)
    server = KubernetesServer(url, state / "kubeconfig")
    cluster = {"server": url, "certificate-authority-data": _base64(authority.certificate)}
    user = {"client-certificate-data": _base64(admin.certificate), "client-key-data": _base64(admin.key)}
    _write_private(server.kubeconfig, yaml.safe_dump(_kubeconfig(cluster, user)).encode())
    process = processes.start(_NAME, _argv(state / "pki", url, etcd_url), state, url=url)
    context = _admin_tls(state / "pki")
    processes.wait_until_ready(process, lambda: _is_ready(url, context))
    return server


def _argv(pki: Path, url: str, etcd_url: str) -> list[str | Path]:
    return [
        locate("kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={url.rpartition(':')[2]}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        f"--client-ca-file={pki / 'authority.crt'}",
        f"--service-account-key-file={pki / 'service-account.key'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        # A loopback address cannot stand in the endpoints of the `kubernetes` Service, and nobody here asks for them.
        "--endpoint-reconciler-type=none",
        # Its admission waits for default ServiceAccounts, which only a controller manager makes.
        "--disable-admission-plugins=ServiceAccount",
    ]


def _write_pki(pki: Path, authority: Authority, server: KeyPair, admin: KeyPair) -> None:
    pki.mkdir(parents=True, exist_ok=True)
    files = {
        "authority.crt": authority.certificate,
        "server.crt": server.certificate,
        "server.key": server.key,
        "admin.crt": admin.certificate,
        "admin.key": admin.key,
        "service-account.key": new_private_key(),
    }
    for name, content in files.items():
        _write_private(pki / name, content)


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _kubeconfig(cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sandbox",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "sandbox", "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _admin_tls(pki: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / "authority.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


def _is_ready(url: str, context: ssl.SSLContext) -> bool:
    """`/readyz` also waits for the first RBAC roles, without which a fresh cluster refuses what it should allow."""
    try:
        return httpx.get(f"{url}/readyz", verify=context, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
