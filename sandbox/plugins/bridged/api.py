"""Calls to a JSON API over HTTP, and the one exception that carries its refusal."""

from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.plugins.values import JsonObject

_SECONDS = 30.0


class Refused(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """The server refused, or gave no answer (status 0). `text` is its own sentence and may quote what was sent."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.text = text


class JsonApi:
    """One server with one credential. Safe for use by several threads."""

    def __init__(self, url: str, headers: Mapping[str, str], ca_certificate: str = "") -> None:
        # Connections are made at the first call; a PEM file may be the authority of the server's certificate.
        self._client = httpx.Client(
            base_url=url, headers=dict(headers), verify=ca_certificate or True, timeout=_SECONDS, trust_env=False
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON answer, {} for an empty one. Raises Refused."""
        try:
            answer = self._client.request(method, path, json=body, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise Refused(0, type(error).__name__) from None  # its request holds the credential
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _sentence(answer))
        return answer.json() if answer.content else {}

    def look(self, path: str, **options: Any) -> Any:
        """The JSON answer to a GET, or None where there is nothing."""
        try:
            return self.ask("GET", path, **options)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def remove(self, path: str, **options: Any) -> None:
        """DELETE; what is gone already is fine."""
        try:
            self.ask("DELETE", path, **options)
        except Refused as refused:
            if refused.status != 404:
                raise


def _sentence(answer: httpx.Response) -> str:
    """`errors` of Vault, `detail` of Authentik, or its messages by field."""
    try:
        body: JsonObject = answer.json()
    except ValueError:
        return "no cause was given"
    told = body.get("errors") or body.get("detail") or [f"{name}: {text}" for name, text in body.items()]
    return told if isinstance(told, str) else "; ".join(str(text).strip() for text in told)
