"""Things that are written whole to one path, which is their id: policies and roles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.plugins.values import JsonObject
from sandbox.plugins.vault.session import Session


@dataclass(frozen=True)
class Document:
    """A document of an API.

    path:     where it is written, with the inputs that are part of it in braces; the id too, unless `id` names an input
    fields:   input to the API's name for it
    defaults: what is sent for an input that is not given
    kept:     deleting it from the stack leaves it at the server, as the real plugin does
    """

    path: str
    fields: Mapping[str, str]
    defaults: JsonObject = field(default_factory=dict)
    identified_by: str = ""
    kept: bool = False

    def create(self, api: Session, wish: JsonObject) -> tuple[str, JsonObject]:
        api.ask("POST", self._path(wish), self._body(wish))
        return wish[self.identified_by] if self.identified_by else self._path(wish), {}

    def read(self, api: Session, _identifier: str, known: JsonObject) -> JsonObject | None:
        live = api.look(self._path(known))
        if live is None:
            return None
        # What the server does not tell (a reviewer's JWT) stays as it was written.
        told = {name: live[api_name] for name, api_name in self.fields.items() if live.get(api_name) is not None}
        return {**known, **told}

    def update(self, api: Session, _identifier: str, known: JsonObject, wish: JsonObject) -> JsonObject:
        gone = {name: type(value)() for name, value in known.items() if name in self.fields and name not in wish}
        api.ask("POST", self._path(wish), self._body({**gone, **self.defaults, **wish}))
        return {}

    def delete(self, api: Session, _identifier: str, known: JsonObject) -> None:
        if not self.kept:
            api.remove(self._path(known))

    def _path(self, values: JsonObject) -> str:
        return self.path.format_map({**self.defaults, **values})

    def _body(self, wish: JsonObject) -> dict[str, Any]:
        given = {**self.defaults, **wish}
        return {api_name: given[name] for name, api_name in self.fields.items() if name in given}
