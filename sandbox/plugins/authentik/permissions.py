"""Permissions of a role or of a user, one assignment each, with the calls and the traps of the real provider.

Traps: the real provider ends every assignment by a call that knows only those on an object, so one that is global is
not ended by it. And what it calls for a user is gone since server 2025.12.
"""

from dataclasses import dataclass

from sandbox.plugins.authentik.session import Session
from sandbox.plugins.values import JsonObject


@dataclass(frozen=True)
class Permission:
    """`holder` is the input that names who gets it: `role` or `user`."""

    holder: str

    def create(self, api: Session, wish: JsonObject) -> tuple[str, JsonObject]:
        named = {"model": wish.get("model"), "object_pk": wish.get("objectId")}
        body = {"permissions": [wish["permission"]], **{name: text for name, text in named.items() if text}}
        path = f"rbac/permissions/assigned_by_{self.holder}s/{wish[self.holder]}/assign/"
        (row,) = api.ask("POST", path, body)
        return str(row["id"]), {}

    def read(self, api: Session, identifier: str, known: JsonObject) -> JsonObject | None:
        if known.get("model"):
            row = api.look(f"{self._rows}{identifier}/")
            return None if row is None else {**known, "objectId": row["object_pk"]}
        codename = known["permission"].split(".")[1]
        query = {"codename": codename, self.holder: known[self.holder]}
        found = api.ask("GET", "rbac/permissions/", query=query)["results"]
        return known if found else None

    def update(self, api: Session, identifier: str, _known: JsonObject, wish: JsonObject) -> JsonObject:
        api.ask("PUT", f"{self._rows}{identifier}/", {"object_pk": wish.get("objectId")})
        return {}

    def delete(self, api: Session, identifier: str, _known: JsonObject) -> None:
        """Of a global one nothing, or another one on an object, is found there; the real provider is content."""
        api.remove(f"{self._rows}{identifier}/")

    @property
    def _rows(self) -> str:
        return f"rbac/permissions/{self.holder}s/"
