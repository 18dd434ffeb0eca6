"""Calls to the Connect server, each made once, and its refusals in words for a person and without values."""

from http import HTTPStatus
from typing import Any

import httpx

from sandbox.plugins.errors import PluginError
from sandbox.plugins.onepassword.settings import Settings
from sandbox.plugins.values import JsonObject

_SECONDS = 30.0
_REMEDIES = {
    400: "Correct the item in the program; nothing was changed.",
    401: "Set OP_CONNECT_TOKEN to an access token that the Connect server knows.",
    403: "Let the access token write to the vault; or run the command again, for Connect may say so wrongly.",
    404: "If the item was removed by hand, take it out of the state (pulumi state delete) and run `pulumi up`.",
    409: "Somebody else changed the item; run the command again.",
    500: "Run the command again: Connect also says so of what was written a moment ago.",
}


class Server:
    """One Connect server. Safe for use by several threads."""

    def __init__(self, settings: Settings) -> None:
        headers = {"authorization": f"Bearer {settings.token}"}
        self._http = httpx.Client(base_url=settings.url, headers=headers, timeout=_SECONDS, trust_env=False)

    def create(self, vault: str, body: JsonObject) -> JsonObject:
        """Make an item; returns it with its ids."""
        return self._send(f"item {body['title']!r}", "created", "POST", f"/v1/vaults/{vault}/items", body)

    def replace(self, vault: str, item: str, body: JsonObject) -> JsonObject:
        """Put a whole item in the place of the one that is there."""
        return self._send(f"item {body['title']!r}", "updated", "PUT", _path(vault, item), body)

    def read(self, vault: str, item: str) -> JsonObject:
        """The item in full."""
        return self._send(f"item {item}", "read", "GET", _path(vault, item))

    def delete(self, vault: str, item: str) -> None:
        """Delete an item."""
        self._send(f"item {item}", "deleted", "DELETE", _path(vault, item))

    def _send(self, what: str, act: str, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            remedy = "Check OP_CONNECT_HOST and that the server runs; then run the same command again."
            raise PluginError(f"{what} could not be {act}: Connect gave no answer ({kind}). {remedy}") from None
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            remedy = _REMEDIES.get(answer.status_code, "Look at the Connect server's own log.")
            raise PluginError(f"{what} could not be {act}: HTTP {answer.status_code}: {_message(answer)}. {remedy}")
        return dict(answer.json()) if answer.content else {}


def _path(vault: str, item: str) -> str:
    return f"/v1/vaults/{vault}/items/{item}"


def _message(answer: httpx.Response) -> str:
    try:
        document: Any = answer.json()
        return str(document["message"])
    except (ValueError, KeyError, TypeError):
        return "no cause was given"
