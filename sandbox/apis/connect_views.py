"""What Connect answers. A read tells what the local copy knows; a write knows all that Connect itself wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rotation.backends.transport import Request, Response, json_response
from sandbox.apis.connect_items import accepted, refused, summary
from sandbox.apis.connect_records import CONNECT, PERSON, Access, Item, Store, Vault

_FILTER = re.compile(r'(?P<key>name|title|tag) eq "(?P<value>(?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Call:
    """One request of one access token at one instant."""

    request: Request
    access: Access
    now: datetime
    store: Store
    params: Mapping[str, str]

    def vault(self) -> str:
        """The id of the path's vault; raises Refusal 404, or 403 where this access may not do that there."""
        vault = self.params["vault"]
        if vault not in self.store.vaults:
            raise refused(404, f"vault {vault} not found")
        if vault not in self.access.vaults:
            raise refused(403, f"vault {vault} is not in scope")
        if self.request.method != "GET" and not self.access.writes:
            raise refused(403, "Authorization: token may not write to vault")
        return vault

    def item(self) -> Item:
        """The path's item as a write knows it; raises Refusal 404."""
        item = self.store.items.get(self.params["item"])
        if item is None or item.vault != self.vault() or item.newest.content is None:
            raise refused(404, f"item {self.params['item']} not found")
        return item

    def body(self) -> Any:
        """The JSON body; raises Refusal 400 when it is none."""
        try:
            return self.request.json()
        except ValueError:
            raise refused(400, "Invalid request body") from None

    def filter(self, *keys: str) -> tuple[str, str]:
        """Key and value of the filter; two empty texts where there is none. Raises Refusal 400 for an unknown one."""
        text = self.request.query.get("filter", "")
        if not text:
            return "", ""
        match = _FILTER.fullmatch(text)
        if match is None or match["key"] not in keys:
            raise refused(400, "Invalid filter")
        return match["key"], _ESCAPED.sub(r"\1", match["value"])


def list_vaults(call: Call) -> Response:
    """By `name eq`, as documented, or `title eq`, as the Go client sends it."""
    key, wanted = call.filter("name", "title")
    visible = [vault for vault in call.store.vaults.values() if vault.id in call.access.vaults]
    return json_response(200, [_told(vault, call) for vault in visible if not key or vault.name == wanted])


def read_vault(call: Call) -> Response:
    return json_response(200, _told(call.store.vaults[call.vault()], call))


def list_items(call: Call) -> Response:
    """Summaries of what the local copy knows."""
    key, wanted = call.filter("title", "tag")
    seen = [(item, item.seen(call.now)) for item in call.store.of(call.vault())]
    full = [item.rendered(version) for item, version in seen if version is not None]
    if key:
        full = [item for item in full if wanted in ([item["title"]] if key == "title" else item["tags"])]
    return json_response(200, [summary(item) for item in full])


def read_item(call: Call) -> Response:
    """What the local copy knows; a new item is 404 until it knows it."""
    item = call.store.items.get(call.params["item"])
    version = item.seen(call.now) if item is not None and item.vault == call.vault() else None
    if item is None or version is None:
        raise refused(404, f"item {call.params['item']} not found")
    return json_response(200, item.rendered(version))


def create_item(call: Call) -> Response:
    """A new item each time, whatever bears its title; 200, not 201."""
    vault = call.vault()
    item = call.store.add(vault, accepted(call.body(), vault, call.store), call.now, CONNECT)
    return json_response(200, item.rendered(item.newest))


def replace_item(call: Call) -> Response:
    """Everything that the body does not name is gone. The answer bears the number of the version before."""
    item, body = call.item(), call.body()
    content = accepted(body, item.vault, call.store)
    if body.get("id") != item.id:
        raise refused(400, "Invalid item: id must be the one of the path")
    before = item.newest
    unseen = before.writer == PERSON and item.is_behind(call.now)
    if unseen or body.get("version", before.number) != before.number:
        raise refused(409, "Conflict: the item was changed in the meantime")
    written = call.store.write(item, content, call.now, CONNECT)
    return json_response(200, {**item.rendered(written), "version": before.number})


def delete_item(call: Call) -> Response:
    """204; what the local copy does not know yet cannot be deleted, and the answer does not say so."""
    item = call.item()
    if item.is_behind(call.now):
        raise refused(500, "Something went wrong")
    call.store.write(item, None, call.now, CONNECT)
    return Response(204)


def _told(vault: Vault, call: Call) -> dict[str, Any]:
    count = sum(item.seen(call.now) is not None for item in call.store.of(vault.id))
    return {"id": vault.id, "name": vault.name, "description": "", "items": count, "type": "USER_CREATED"}
