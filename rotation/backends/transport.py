"""One HTTP exchange as two plain records and a one-method protocol, so that a fake needs no client and no socket."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request before it has a server: `path` is absolute and unescaped, `query` and `headers` hold single values."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON; None when there is none. Raises ValueError when it is not JSON."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Response:
    """An answer. Header names are lower case. The body may hold a token's value and is left out of the repr."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON, read once; None when there is none. Raises ValueError when it is not JSON."""
        return self._document

    @cached_property
    def _document(self) -> Any:
        return json.loads(self.body) if self.body else None


Transport = Callable[[Request], Response]
"""Sends one request to one server; raises `rotation.errors.Unavailable` when no answer came."""


def json_request(
    method: str,
    path: str,
    payload: object = None,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request with a JSON body, or with none when `payload` is None."""
    body = b"" if payload is None else json.dumps(payload).encode()
    return Request(method, path, query or {}, {"content-type": "application/json", **(headers or {})}, body)


def json_response(status: int, payload: object, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, json.dumps(payload).encode())


def stays_inside(host: str) -> bool:
    """Whether what is sent to this host in clear leaves neither the machine nor the cluster."""
    if host == "localhost" or host.endswith((".svc", ".cluster.local")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
