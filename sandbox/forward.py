"""A handler that passes each request on to a real server, so that faults and counts can be put in front of it."""

from __future__ import annotations

import re
import ssl
from collections import Counter

import httpx

from rotation.backends.transport import Request, Response

_HOP_BY_HOP = {"host", "content-length", "connection", "transfer-encoding", "content-encoding", "accept-encoding"}


class Forward:
    """Forwards to one base URL; `calls` counts each method and path, as a simulated API does."""

    def __init__(self, base_url: str, verify: ssl.SSLContext | bool = True) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False, verify=verify)
        self.calls: Counter[tuple[str, str]] = Counter()

    def handle(self, request: Request) -> Response:
        """Raises ConnectionError when the server gives no answer."""
        self.calls[(request.method, re.sub(r"\?.*", "", request.path))] += 1
        headers = {name: text for name, text in request.headers.items() if name not in _HOP_BY_HOP}
        try:
            answer = self._http.request(
                request.method, request.path, params=dict(request.query), headers=headers, content=request.body
            )
        except httpx.TransportError as error:
            raise ConnectionResetError(type(error).__name__) from None
        kept = {name.lower(): text for name, text in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
        return Response(answer.status_code, kept, answer.content)

    def close(self) -> None:
        """End the connections."""
        self._http.close()
