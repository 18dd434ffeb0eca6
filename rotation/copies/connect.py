"""Items of 1Password, read through a Connect server.

Facts this file rests on: titles are not unique, and the answers to a search are summaries without fields, so reading a
value takes two calls; reads come from a copy that lags the writes; a 403 may be spurious and gone a moment later.
Source: 1Password's Connect API reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import stamina

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.transport import Response, Transport
from rotation.clock import Clock
from rotation.copies.found import Found
from rotation.errors import NotFound, Refused, Unauthorised

NAME = "1password"
_ID = re.compile(r"[\da-z]{26}")
_GENERATION_FIELD = "generation"
_TRIES_OF_A_403 = 3

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Summary:
    """An item as a search tells of it."""

    id: str
    title: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item(Summary):
    """An item with its fields, label and value, in the order of the server. Several may bear one label."""

    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def values(self, label: str) -> list[str]:
        """Every value under a label."""
        return [value for name, value in self.fields if name == label]


class Connect:
    """One Connect server with one access token. It only reads.

    Raises a `rotation.errors.BackendError`: Unauthorised also for a vault that the token may not see.
    """

    def __init__(self, transport: Transport, credential: str, clock: Clock) -> None:
        self._client = ApiClient(NAME, transport, credential, _authorise, _refusal_text, clock)

    def vault_id(self, vault: str) -> str:
        """The id of a vault that is given by id or by name. Raises NotFound, or Refused where several bear the name."""
        if is_id(vault):
            return vault
        act = f"find the vault {vault!r}"
        found = self._search(act, "/v1/vaults", f"name eq {_quoted(vault)}")
        with understood(act, NAME):
            ids = [str(entry["id"]) for entry in found if entry["name"] == vault]
        return _only(act, ids, "Name an existing vault that the Connect token may see, or give its id.")

    def find(self, vault_id: str, title: str) -> list[Summary]:
        """Every item of exactly this title; titles are not unique."""
        act = f"find the item {title!r}"
        found = self._search(act, f"/v1/vaults/{vault_id}/items", f"title eq {_quoted(title)}")
        with understood(act, NAME):
            return [_summary(entry) for entry in found if entry["title"] == title]

    def item(self, vault_id: str, item: str) -> Item:
        """An item that is given by id or by title. Raises NotFound, or Refused where several bear the title."""
        act = f"read the item {item!r}"
        item_id = item
        if not is_id(item):
            ids = [found.id for found in self.find(vault_id, item)]
            item_id = _only(act, ids, "Correct the title, or make the item.")
        answer = self._read(act, f"/v1/vaults/{vault_id}/items/{item_id}")
        with understood(act, NAME):
            return _item(answer.json())

    def _search(self, act: str, path: str, wanted: str) -> Sequence[Mapping[str, Any]]:
        answer = self._read(act, path, {"filter": wanted})
        with understood(act, NAME):
            return list(answer.json())

    def _read(self, act: str, path: str, query: Mapping[str, str] | None = None) -> Response:
        return _patiently(lambda: self._client.read(act, path, query))


def is_id(text: str) -> bool:
    """Whether a text has the form of Connect's ids, so that no search is needed."""
    return _ID.fullmatch(text) is not None


def read_item(transport: Transport, credential: str, vault: str, item: str, field: str, *, clock: Clock) -> Found:
    """What a consumer finds in the field of this label. `vault` by id or name, `item` by id or title.

    Raises NotFound where vault, item or field is not there, Refused where several bear the name, and any other
    BackendError of the server. A value that was published a moment ago may not be told yet.
    """
    connect = Connect(transport, credential, clock)
    found = connect.item(connect.vault_id(vault), item)
    act = f"read the field {field!r} of the item {item!r}"
    value = _only(act, found.values(field), "See which fields the publication writes.")
    return Found(value, "".join(found.values(_GENERATION_FIELD)[:1]))


def _only(act: str, candidates: Sequence[str], remedy: str) -> str:
    if not candidates:
        raise NotFound(act, "there is none of that name", remedy, backend=NAME)
    if len(candidates) > 1:
        cause = f"there are {len(candidates)} of that name, and nobody can tell which is meant"
        raise Refused(act, cause, "Remove or rename all but one, or give the id.", backend=NAME)
    return candidates[0]


def _patiently(read: Callable[[], Answer]) -> Answer:
    """Connect sometimes says 403 of what may be read: only one that stays is believed."""
    for attempt in stamina.retry_context(on=Unauthorised, attempts=_TRIES_OF_A_403, timeout=10.0, wait_initial=0.2):
        with attempt:
            return read()
    raise AssertionError("unreachable: stamina re-raises the last error")


def _summary(entry: Mapping[str, Any]) -> Summary:
    return Summary(str(entry["id"]), str(entry["title"]), tuple(entry.get("tags") or ()))


def _item(entry: Mapping[str, Any]) -> Item:
    fields = entry.get("fields") or []
    told = tuple((str(each.get("label", "")), str(each.get("value", ""))) for each in fields)
    return Item(**vars(_summary(entry)), fields=told)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _authorise(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


def _refusal_text(body: Any) -> str:
    return str(body["message"])
