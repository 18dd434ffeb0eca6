"""Secrets engines and auth methods. A new path is a move in place; a new type is another mount."""

from dataclasses import dataclass

from sandbox.plugins.values import JsonObject
from sandbox.plugins.vault.session import Session

_LEASES = {"defaultLeaseTtlSeconds": "default_lease_ttl", "maxLeaseTtlSeconds": "max_lease_ttl"}


@dataclass(frozen=True)
class Mounted:
    """One mount. `table` is where the server lists its kind; `below` is the prefix of its paths when it is moved."""

    table: str
    below: str = ""

    def create(self, api: Session, wish: JsonObject) -> tuple[str, JsonObject]:
        path = _path(wish)
        made = {"type": wish["type"], "local": wish.get("local", False), "config": _leases(wish)}
        api.ask("POST", f"{self.table}/{path}", {**made, **_described(wish)})
        return path, {"path": path, "accessor": (self._find(api, path) or {}).get("accessor", "")}

    def read(self, api: Session, identifier: str, known: JsonObject) -> JsonObject | None:
        live = self._find(api, identifier)
        if live is None:
            return None
        told = {name: live[name] for name in ("type", "description", "options", "local") if live.get(name)}
        return {**known, **told, "path": identifier, "accessor": live["accessor"]}

    def update(self, api: Session, _identifier: str, known: JsonObject, wish: JsonObject) -> JsonObject:
        before, path = known["path"], _path(wish)
        if before != path:
            api.ask("POST", "sys/remount", {"from": f"{self.below}{before}", "to": f"{self.below}{path}"})
        api.ask("POST", f"{self.table}/{path}/tune", {**_described(wish), **_leases(wish)})
        return {"path": path, "accessor": known["accessor"]}

    def delete(self, api: Session, _identifier: str, known: JsonObject) -> None:
        api.remove(f"{self.table}/{known['path']}")

    def _find(self, api: Session, path: str) -> JsonObject | None:
        found = (api.look(self.table) or {}).get(f"{path}/")
        return dict(found) if found else None


def _path(wish: JsonObject) -> str:
    """An auth method without a path is mounted at its type."""
    return str(wish.get("path") or wish["type"]).strip("/")


def _described(wish: JsonObject) -> JsonObject:
    options = {"options": wish["options"]} if "options" in wish else {}
    return {"description": wish.get("description", ""), **options}


def _leases(wish: JsonObject) -> JsonObject:
    return {name: wish[given] for given, name in _LEASES.items() if given in wish}
