"""The other end of the control API: what a story or a test asks of a simulated server in another process."""

from __future__ import annotations

from dataclasses import asdict
from types import TracebackType
from typing import Any

import httpx

from sandbox.control import PREFIX
from sandbox.faults import Fault


class Remote:
    """A mounted simulated API, by its URL. Every method raises httpx.HTTPError when the server does not do as asked."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/") + PREFIX, timeout=10, trust_env=False)

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._http.close()

    def add_fault(self, fault: Fault) -> None:
        self._ask("POST", "faults", asdict(fault))

    def clear_faults(self) -> None:
        """Forget every fault, and be up."""
        self._ask("DELETE", "faults")

    def set_down(self, down: bool) -> None:
        self._ask("POST", "down", {"down": down})

    def calls(self) -> dict[tuple[str, str], int]:
        """How often each method and path template was called."""
        return {(line["method"], line["path"]): line["count"] for line in self._ask("GET", "calls")}

    def live_tokens(self) -> list[dict[str, str | None]]:
        """`identifier`, `username` and `expires` (RFC 3339, or None for never) of every live token."""
        return list(self._ask("GET", "tokens"))

    def accepts(self, key: str) -> bool:
        return bool(self._ask("POST", "accepts", {"key": key})["accepts"])

    def sweep(self) -> None:
        self._ask("POST", "sweep")

    def stop(self) -> None:
        """End the server process; it answers first."""
        self._ask("POST", "stop")

    def _ask(self, method: str, act: str, body: object = None) -> Any:
        return self._http.request(method, act, json=body).raise_for_status().json()
