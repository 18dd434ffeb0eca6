"""Entries of a KV (version 2) mount of Vault or OpenBao."""

from __future__ import annotations

from typing import Any

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.copies.found import Found
from rotation.errors import NotFound

NAME = "vault"
_GENERATION_KEY = "generation"


def read_entry(transport: Transport, credential: str, mount: str, path: str, key: str, *, clock: Clock) -> Found:
    """What a consumer finds under a key of the newest version of an entry.

    Raises NotFound where the entry or the key is not there, deleted versions included, Unauthorised where the
    credential may not read it, and any other BackendError of the server.
    """
    act = f"read the entry {mount}/{path}"
    client = ApiClient(NAME, transport, credential, _authorise, _refusal_text, clock)
    answer = client.read(act, f"/v1/{mount.strip('/')}/data/{path.strip('/')}")
    with understood(act, NAME):
        data = dict(answer.json()["data"]["data"])
    if key not in data:
        raise NotFound(act, f"it has no key {key!r}", "See which keys the publication writes.", backend=NAME)
    return Found(str(data[key]), str(data.get(_GENERATION_KEY, "")))


def _authorise(credential: str) -> dict[str, str]:
    return {"x-vault-token": credential}


def _refusal_text(body: Any) -> str:
    """The server's words. Of an entry that is not there it says nothing, and of a deleted one only its metadata."""
    if body.get("errors") == [] or "metadata" in (body.get("data") or {}):
        return "there is no such entry, or its newest version is deleted"
    return "; ".join(str(text) for text in body["errors"])
