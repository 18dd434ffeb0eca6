"""A real OpenBao in dev mode (in memory, unsealed), and what a homelab's rotator needs in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.servers import processes
from toolchain import locate

_NAME = "openbao"
_ADMIN_RULES = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }'


@dataclass(frozen=True)
class OpenBaoServer:
    """A server that runs. Its root token is in no repr."""

    url: str
    root_token: str = field(repr=False)

    def as_root(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Call `/v1/PATH` with the root token; {} for an empty answer. Raises httpx.HTTPStatusError."""
        headers = {"X-Vault-Token": self.root_token}
        answer = httpx.request(method, f"{self.url}/v1/{path}", headers=headers, json=body, trust_env=False)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}


def start(state: Path, *, root_token: str, port: int = 0) -> OpenBaoServer:
    """Start an empty server, or find the one that runs. Port 0 takes a free one.

    Raises processes.ServerDidNotStartError with the end of the log.
    """
    running_already = processes.found(state, _NAME)
    if running_already is not None:
        return OpenBaoServer(running_already.url, root_token)
    address = f"127.0.0.1:{port or processes.free_port()}"
    # By environment, because every user of the machine can read an argument.
    env = {"BAO_DEV_ROOT_TOKEN_ID": root_token, "BAO_DEV_LISTEN_ADDRESS": address}
    argv: list[str | Path] = [locate("bao"), "server", "-dev", "-dev-no-store-token"]
    server = OpenBaoServer(f"http://{address}", root_token)
    process = processes.start(_NAME, argv, state, url=server.url, env=env)
    try:
        processes.wait_until_ready(process, lambda: _is_ready(server), secrets=[root_token])
    except BaseException:
        stop(state)
        raise
    return server


def stop(state: Path) -> None:
    """End it; gone is success."""
    processes.stop(state, _NAME)


@contextmanager
def running(state: Path, *, root_token: str) -> Iterator[OpenBaoServer]:
    """An empty server for the length of a block."""
    try:
        yield start(state, root_token=root_token)
    finally:
        stop(state)


def prepare_rotation(
    server: OpenBaoServer,
    *,
    role: str,
    admin_policy: str,
    rotator_policy: str,
    kv_mount: str = "secret",
    kv_path: str = "token-rotation/*",
    period: str = "768h",
) -> str:
    """Make an orphan token role that hands out `admin_policy`, and return a periodic token for a rotator.

    That one may use the role and little else (`rotator_policy`, without sudo). Doing it twice is fine.
    Raises httpx.HTTPStatusError.
    """
    server.as_root("PUT", f"sys/policies/acl/{admin_policy}", {"policy": _ADMIN_RULES})
    rules = rotator_rules(role=role, kv_mount=kv_mount, kv_path=kv_path)
    server.as_root("PUT", f"sys/policies/acl/{rotator_policy}", {"policy": rules})
    made = {"allowed_policies": [admin_policy], "orphan": True, "renewable": True}
    server.as_root("POST", f"auth/token/roles/{role}", made)
    wanted = {"policies": [rotator_policy], "period": period, "no_parent": True, "display_name": "rotator"}
    return str(server.as_root("POST", "auth/token/create", wanted)["auth"]["client_token"])


def rotator_rules(*, role: str, kv_mount: str, kv_path: str) -> str:
    """The least that a rotator needs, as a policy document."""
    needs = {
        f"auth/token/create/{role}": ["update"],
        f"auth/token/roles/{role}": ["read"],
        "auth/token/lookup-accessor": ["update"],
        "auth/token/renew-accessor": ["update"],
        "auth/token/revoke-accessor": ["update"],
        f"{kv_mount}/data/{kv_path}": ["create", "update", "read"],
        f"{kv_mount}/metadata/{kv_path}": ["read", "create", "update"],
    }
    blocks = [f'path "{path}" {{ capabilities = {_hcl_list(verbs)} }}' for path, verbs in needs.items()]
    return "\n".join(blocks)


def _hcl_list(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _is_ready(server: OpenBaoServer) -> bool:
    """Healthy, and the KV mount is there: a dev server makes it after it calls itself healthy."""
    try:
        return "secret/" in server.as_root("GET", "sys/mounts")["data"]
    except httpx.HTTPError:
        return False
