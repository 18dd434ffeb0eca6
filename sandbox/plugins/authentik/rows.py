"""Users, groups and roles: each a row of one list, written whole by POST and PUT."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.plugins.authentik.session import Session
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject


@dataclass(frozen=True)
class Row:
    """One list of the API.

    fields:    input to the API's name for it
    defaults:  what the real provider sends for an input that is not given
    two_sided: a membership that is an output where the program does not name it. A trap of the real provider: an update
               sends what the state knows of it, which is what it was when the row was made or read last
    """

    path: str
    fields: Mapping[str, str]
    defaults: JsonObject = field(default_factory=dict)
    two_sided: str = ""

    def create(self, api: Session, wish: JsonObject) -> tuple[str, JsonObject]:
        row = api.ask("POST", self.path, self._body(wish, {}))
        return str(row["pk"]), self._outputs(row)

    def read(self, api: Session, identifier: str, known: JsonObject) -> JsonObject | None:
        row = api.look(f"{self.path}{identifier}/")
        return None if row is None else {**known, **self._outputs(row)}

    def update(self, api: Session, identifier: str, known: JsonObject, wish: JsonObject) -> JsonObject:
        row = api.ask("PUT", f"{self.path}{identifier}/", self._body(wish, known))
        return self._outputs(row)

    def delete(self, api: Session, identifier: str, _known: JsonObject) -> None:
        api.remove(f"{self.path}{identifier}/")

    def _body(self, wish: JsonObject, known: JsonObject) -> dict[str, Any]:
        kept = {self.two_sided: known.get(self.two_sided, [])} if self.two_sided else {}
        given = {**self.defaults, **kept, **wish}
        return {api_name: _sent(name, given[name]) for name, api_name in self.fields.items() if name in given}

    def _outputs(self, row: JsonObject) -> JsonObject:
        return {name: _shown(row[api_name]) for name, api_name in self.fields.items() if api_name in row}


def _sent(name: str, value: Any) -> Any:
    """Attributes are JSON text in the SDK and an object in the API."""
    if name != "attributes":
        return value
    try:
        return json.loads(value or "{}")
    except ValueError:
        raise PluginError("attributes is no JSON; write it with json.dumps. Nothing was changed") from None


def _shown(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value
