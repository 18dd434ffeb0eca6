"""A real kube-apiserver on its own etcd, with RBAC on, and its controllers where they are asked for.

Without controllers it is ready sooner, and nothing garbage-collects. In neither case does a pod start: no node runs.
"""

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

from sandbox.servers import controller_manager, etcd, processes
from sandbox.servers.certificates import Authority, KeyPair, new_private_key
from toolchain import locate

_NAME = "kube-apiserver"


@dataclass(frozen=True)
class KubernetesServer:
    """A cluster that runs: its URL, and the kubeconfig of an administrator."""

    url: str
    kubeconfig: Path

    @property
    def authority(self) -> str:
        """The certificate that vouches for the API server, PEM."""
        admin = yaml.safe_load(self.kubeconfig.read_text())
        return base64.b64decode(admin["clusters"][0]["cluster"]["certificate-authority-data"]).decode()

    def admin_client(self) -> client.ApiClient:
        """A client that may do everything. Close it."""
        made: client.ApiClient = config.new_client_from_config(str(self.kubeconfig))
        return made

    def write_kubeconfig(self, path: Path, *, token: str) -> Path:
        """A kubeconfig for whoever this bearer token belongs to."""
        admin = yaml.safe_load(self.kubeconfig.read_text())
        _write_private(path, yaml.safe_dump(_kubeconfig(admin["clusters"][0]["cluster"], {"token": token})).encode())
        return path


def start(state: Path, *, controllers: bool = False) -> KubernetesServer:
    """Start an empty cluster, or find the one that runs. Raises processes.ServerDidNotStartError with the log's end.

    With `controllers` a kube-controller-manager runs beside it, and pods need the ServiceAccount that they name.
    """
    try:
        found = processes.found(state, _NAME)
        url = found.url if found else _start_api_server(state, etcd.start(state), controllers=controllers)
        if controllers:
            _start_controllers(state, url)
    except BaseException:
        stop(state)
        raise
    return KubernetesServer(url, state / "kubeconfig")


def stop(state: Path) -> None:
    """End the controllers, the API server and then its etcd; all gone is success."""
    controller_manager.stop(state)
    processes.stop(state, _NAME)
    etcd.stop(state)


@contextmanager
def running(state: Path, *, controllers: bool = False) -> Iterator[KubernetesServer]:
    """An empty cluster for the length of a block."""
    try:
        yield start(state, controllers=controllers)
    finally:
        stop(state)


def _start_api_server(state: Path, etcd_url: str, *, controllers: bool) -> str:
    url = f"https://127.0.0.1:{processes.free_port()}"
    authority = Authority("sandbox-authority")
    admin = authority.client("sandbox-admin", "system:masters")
    pki = state / "pki"
    _write_pki(pki, authority, authority.server("localhost", "kubernetes.default.svc"), admin)
    _write_client(state / "kubeconfig", url, authority, admin)
    _write_client(pki / "controllers.kubeconfig", url, authority, authority.client(controller_manager.IDENTITY))
    process = processes.start(_NAME, _argv(pki, url, etcd_url, controllers=controllers), state, url=url)
    context = _admin_tls(pki)
    # `/readyz` also waits for the first RBAC roles, without which a fresh cluster refuses what it should allow.
    processes.wait_until_ready(process, lambda: _answers(f"{url}/readyz", context))
    return url


def _start_controllers(state: Path, url: str) -> None:
    pki, context = state / "pki", _admin_tls(state / "pki")
    made_by_them = f"{url}/api/v1/namespaces/default/serviceaccounts/default"
    controller_manager.start(
        state,
        url=url,
        kubeconfig=pki / "controllers.kubeconfig",
        authority=pki / "authority.crt",
        is_at_work=lambda: _answers(made_by_them, context),
    )


def _argv(pki: Path, url: str, etcd_url: str, *, controllers: bool) -> list[str | Path]:
    # Its admission waits for default ServiceAccounts, which only a controller manager makes.
    disabled = [] if controllers else ["--disable-admission-plugins=ServiceAccount"]
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
        *disabled,
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


def _write_client(path: Path, url: str, authority: Authority, pair: KeyPair) -> None:
    cluster = {"server": url, "certificate-authority-data": _base64(authority.certificate)}
    user = {"client-certificate-data": _base64(pair.certificate), "client-key-data": _base64(pair.key)}
    _write_private(path, yaml.safe_dump(_kubeconfig(cluster, user)).encode())


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


def _answers(url: str, context: ssl.SSLContext) -> bool:
    try:
        return httpx.get(url, verify=context, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
