"""Who tokens are for: reads a Secret from the API server, calls the backend with what it read, and counts failures."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from kubernetes import client

from rotation.clock import from_rfc3339, system_clock

Accepts = Callable[[str], bool]


def authentik_accepts(url: str) -> Accepts:
    """Whether Authentik takes a value as the Bearer token that it is."""
    return lambda value: _ok(f"{url}/api/v3/core/users/me/", {"authorization": f"Bearer {value}"})


def vault_accepts(url: str) -> Accepts:
    """Whether Vault lets a token look itself up."""
    return lambda value: _ok(f"{url}/v1/auth/token/lookup-self", {"x-vault-token": value})


def coder_accepts(url: str) -> Accepts:
    """Whether Coder takes a value as a session's token."""
    return lambda value: _ok(f"{url}/api/v2/users/me", {"coder-session-token": value})


def operator_accepts(api: client.ApiClient, namespace: str, record: str) -> Accepts:
    """Whether an operator lets a value in: by the record of hashes, which it reads and nobody tells it."""
    return lambda value: _is_let_in(api, namespace, record, hashlib.sha256(value.encode()).hexdigest())


def _is_let_in(api: client.ApiClient, namespace: str, record: str, hashed: str) -> bool:
    found = client.CoreV1Api(api).read_namespaced_config_map(record, namespace).data or {}
    entry = json.loads(found.get(hashed, "{}"))
    ends = [entry.get(name) for name in ("valid_until", "lease_until", "grace_until", "revoked_at")]
    return bool(entry) and all(from_rfc3339(end) > system_clock() for end in ends if end)


def _ok(url: str, headers: dict[str, str]) -> bool:
    return httpx.get(url, headers=headers, trust_env=False).status_code == HTTPStatus.OK


@dataclass
class Consumer:
    """Reads again only every `hold_seconds`, as a program that caches a mounted Secret does."""

    name: str
    api: client.ApiClient
    namespace: str
    secret: str
    accepts: Accepts
    hold_seconds: float = 5.0
    calls: int = 0
    failures: list[str] = field(default_factory=list)
    values_used: set[int] = field(default_factory=set, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def read(self) -> dict[str, str]:
        """The Secret's values by key. Raises kubernetes.client.ApiException."""
        found = client.CoreV1Api(self.api).read_namespaced_secret(self.secret, self.namespace)
        return {key: base64.b64decode(text).decode() for key, text in (found.data or {}).items()}

    def start(self) -> None:
        """Begin to call, several times a second, until `stop`."""
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, after the call under way."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _loop(self) -> None:
        held, read_at = "", float("-inf")
        while not self._stop.wait(0.25):
            self.calls += 1
            try:
                if time.monotonic() - read_at >= self.hold_seconds:
                    held, read_at = self.read()["token"], time.monotonic()
                    self.values_used.add(hash(held))
                if not self.accepts(held):
                    self.failures.append(f"call {self.calls} of {self.name} was refused")
            except Exception as error:  # noqa: BLE001 - whatever it was, the consumer had no answer
                self.failures.append(f"call {self.calls} of {self.name} failed: {type(error).__name__}")
