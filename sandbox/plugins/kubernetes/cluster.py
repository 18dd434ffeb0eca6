"""Calls to the API server: every write is one request, and a dry run is the same request with `dryRun=All`."""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.plugins.errors import PluginError
from sandbox.plugins.kubernetes import refusals
from sandbox.plugins.kubernetes.kinds import Target
from sandbox.plugins.kubernetes.settings import Settings
from sandbox.plugins.values import JsonObject, Path

# Seconds: how long a create waits for an existing object to go (the real plugin: about ten minutes), and a delete for
# its end. Tests set less.
PATIENCE = "STANDIN_KUBERNETES_PATIENCE_SECONDS"
_DEFAULT_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.5
_CONNECT_AND_READ_SECONDS = (10, 30)
_CONNECTIONS = 32


@dataclass(frozen=True)
class Write:
    """What is written, by which field manager, whether by force, and whether only tried."""

    body: JsonObject
    manager: str
    secrets: frozenset[Path]
    force: bool = False
    dry_run: bool = False

    def query(self) -> list[tuple[str, str]]:
        """Parameters of any write. Unknown and repeated fields are refused, not dropped."""
        dry = [("dryRun", "All")] if self.dry_run else []
        return [("fieldManager", self.manager), ("fieldValidation", "Strict"), *dry]


class Cluster:
    """One API server, as one provider's settings reach it. Safe for use by several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connecting = threading.Lock()
        self._cancelled = threading.Event()
        self.patience_seconds = float(os.environ.get(PATIENCE, _DEFAULT_PATIENCE_SECONDS))

    def cancel(self) -> None:
        """End every wait with an error."""
        self._cancelled.set()

    def read(self, target: Target) -> JsonObject | None:
        """The live object, or None where there is none."""
        status, answer = self._send(target, "read", "GET", target.path)
        if status == 404:
            return None
        return _accepted(target, "read", status, answer, frozenset())

    def apply(self, target: Target, act: str, write: Write) -> JsonObject:
        """Server-side apply in one request; returns the object as it then is. Conflicts are refused unless forced."""
        query = [*write.query(), ("force", "true")] if write.force else write.query()
        body = json.dumps(write.body)
        status, answer = self._send(target, act, "PATCH", target.path, query, body, "application/apply-patch+yaml")
        return _accepted(target, act, status, answer, write.secrets)

    def try_to_create(self, target: Target, write: Write) -> JsonObject:
        """Let the server validate a new object. That an object of this name stands there yet is no refusal: a
        replacement deletes it before it creates. Nor is a namespace that the same run will make."""
        path = target.kind.path(target.namespace)
        status, answer = self._send(target, "created", "POST", path, write.query(), write.body)
        if answer.get("reason") == "AlreadyExists" or (status == 404 and _misses_namespace(answer)):
            return write.body
        return _accepted(target, "created", status, answer, write.secrets)

    def delete(self, target: Target) -> None:
        """Delete and wait for the end. What is gone already is fine. Where an object owns others, those go first."""
        order = "Foreground" if target.kind.owns else "Background"
        status, answer = self._send(target, "deleted", "DELETE", target.path, [("propagationPolicy", order)])
        if status != 404:
            _accepted(target, "deleted", status, answer, frozenset())
            self.wait_until_absent(target, "deleted", refusals.not_gone)

    def wait_until_absent(self, target: Target, act: str, late: Callable[[Target, float], PluginError]) -> None:
        """Ask until there is no such object; raises `late` when patience ends."""
        end = time.monotonic() + self.patience_seconds
        while self.read(target) is not None:
            if time.monotonic() >= end:
                raise late(target, self.patience_seconds)
            if self._cancelled.wait(_POLL_SECONDS):
                raise refusals.stopped(target, act)

    @cached_property
    def _client(self) -> Any:
        # Imported at the first call: it takes a third of a second, and a run without changes makes no call.
        from kubernetes import client, config  # noqa: PLC0415 - see above

        settings = self._settings
        configuration = client.Configuration()
        contents = settings.kubeconfig_contents()
        known: dict[str, Any] = {
            "context": settings.context,
            "client_configuration": configuration,
            "persist_config": False,
        }
        if contents is not None:
            connection = config.new_client_from_config_dict(contents, **known)
        else:
            path = str(settings.kubeconfig_path())
            connection = config.new_client_from_config(path, **known)
        configuration.connection_pool_maxsize = _CONNECTIONS
        return connection

    def _send(  # noqa: PLR0917 - one HTTP request
        self,
        target: Target,
        act: str,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> tuple[int, JsonObject]:
        try:
            return self._answer(method, path, query or [], body, content_type)
        except Exception as error:  # noqa: BLE001 - the client raises many kinds, and their texts may hold what was sent
            raise refusals.unreachable(target, act, type(error).__name__) from None

    def _answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: Any, content_type: str
    ) -> tuple[int, JsonObject]:
        with self._connecting:
            client = self._client
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = client.param_serialize(
            method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = client.call_api(*request, _request_timeout=_CONNECT_AND_READ_SECONDS)
        return response.status, _document(response.read())


def _document(text: bytes) -> JsonObject:
    """A JSON object, or nothing where a proxy answered with something else."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _accepted(target: Target, act: str, status: int, answer: JsonObject, secrets: frozenset[Path]) -> JsonObject:
    if status >= 400:
        raise refusals.refusal(target, act, status, answer, secrets)
    return answer


def _misses_namespace(answer: JsonObject) -> bool:
    return (answer.get("details") or {}).get("kind") == "namespaces"
