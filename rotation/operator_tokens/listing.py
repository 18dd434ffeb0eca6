"""Every object of a kind in the cluster, over all pages of a listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rotation.backends.api_client import ApiClient, understood
from rotation.errors import Refused

PAGE = 500
_LISTINGS = 3


def list_objects(client: ApiClient, act: str, path: str, selector: str) -> list[dict[str, Any]]:
    """What has these labels. A listing that outlived the server's memory of it is begun anew."""
    for _ in range(_LISTINGS - 1):
        try:
            return list(_pages(client, act, path, selector))
        except Refused as error:
            if not error.cause.startswith("HTTP 410"):
                raise
    return list(_pages(client, act, path, selector))


def _pages(client: ApiClient, act: str, path: str, selector: str) -> Iterator[dict[str, Any]]:
    query = {"labelSelector": selector, "limit": str(PAGE)}
    following = query
    while following:
        answer = client.read(act, path, following)
        with understood(act, client.backend):
            body = answer.json()
            items, token = list(body["items"]), body["metadata"].get("continue") or ""
        yield from items
        following = {**query, "continue": token} if token else {}
