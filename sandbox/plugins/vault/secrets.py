"""A KV v2 secret: a new version in place for new data or new custom metadata; deleted softly unless told otherwise."""

import json
import time
from typing import Any

from sandbox.plugins.bridged.api import Refused
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject
from sandbox.plugins.vault.session import Session

# A mount that was made a moment ago is still being upgraded; the real plugin tries as often.
_TRIES = 10
_PAUSE_SECONDS = 0.5
_METADATA = {
    "data": "custom_metadata",
    "maxVersions": "max_versions",
    "casRequired": "cas_required",
    "deleteVersionAfter": "delete_version_after",
}


class KvSecret:
    """Its id is `MOUNT/data/NAME`."""

    def create(self, api: Session, wish: JsonObject) -> tuple[str, JsonObject]:
        return _at(wish, "data"), self._write(api, wish)

    def read(self, api: Session, identifier: str, known: JsonObject) -> JsonObject | None:
        """Data that somebody else wrote shows as another `dataJson`; other spaces in it do not."""
        if known.get("disableRead"):
            return known
        live = api.look(identifier)
        if live is None:
            return None
        unchanged = _data(known) == live["data"]
        text = known["dataJson"] if unchanged else json.dumps(live["data"])
        return {**known, **_told(identifier, live), "dataJson": text}

    def update(self, api: Session, _identifier: str, _known: JsonObject, wish: JsonObject) -> JsonObject:
        return self._write(api, wish)

    def delete(self, api: Session, _identifier: str, known: JsonObject) -> None:
        """Without `deleteAllVersions` only the newest version goes, and it can be undeleted."""
        api.remove(_at(known, "metadata" if known.get("deleteAllVersions") else "data"))

    def _write(self, api: Session, wish: JsonObject) -> JsonObject:
        path, options = _at(wish, "data"), dict(wish.get("options") or {})
        if "cas" in wish:
            options["cas"] = wish["cas"]
        _with_patience(api, path, {"data": _data(wish), "options": options})
        if metadata := wish.get("customMetadata"):
            given = {name: metadata[ours] for ours, name in _METADATA.items() if ours in metadata}
            api.ask("POST", _at(wish, "metadata"), given)
        if wish.get("disableRead"):
            return {"path": path}
        return _told(path, api.look(path) or {})


def _at(values: JsonObject, part: str) -> str:
    return f"{values['mount']}/{part}/{values['name']}"


def _data(wish: JsonObject) -> Any:
    try:
        return json.loads(wish["dataJson"])
    except ValueError:
        raise PluginError("SecretV2: data_json is no JSON; nothing was written") from None


def _told(path: str, live: JsonObject) -> JsonObject:
    data, metadata = live.get("data") or {}, live.get("metadata") or {}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in data.items()}
    about = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    return {"path": path, "data": texts, "metadata": about}


def _with_patience(api: Session, path: str, body: JsonObject) -> None:
    for left in reversed(range(_TRIES)):
        try:
            api.ask("POST", path, body)
        except Refused as refused:
            if not left or "Upgrading" not in refused.text:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
