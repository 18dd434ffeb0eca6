"""Lists of the simulated API server: label selectors, and pages that show one instant while it is remembered."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.apis.kubernetes_objects import Object, refusal

Place = tuple[str, str]
"""A namespace (empty for what has none) and a name."""
REMEMBERED = timedelta(minutes=5)
_NAME = r"(?:[-A-Za-z0-9.]+/)?[A-Za-z0-9][-A-Za-z0-9_.]*"
_SET = re.compile(rf"({_NAME})\s+(in|notin)\s+\(([^()]*)\)")
_PAIR = re.compile(rf"({_NAME})\s*(==|!=|=)\s*([-A-Za-z0-9_.]*)")
_THERE = re.compile(rf"(!?)({_NAME})")
_BETWEEN = re.compile(r",(?![^(]*\))")

Labels = Mapping[str, str]


@dataclass
class Remembered:
    """What a list held at a version, for those who ask for its next pages."""

    objects: Mapping[Place, Object]
    at: datetime


@dataclass
class Pages:
    """Cuts lists into pages. `forget` is the server's compaction: pages asked for afterwards are 410 Expired."""

    _remembered: dict[tuple[str, int], Remembered] = field(default_factory=dict)

    def forget(self) -> None:
        """Lose the memory of every list."""
        self._remembered.clear()

    def page(
        self, what: str, objects: Mapping[Place, Object], version: int, query: Mapping[str, str], now: datetime
    ) -> tuple[list[Object], Object]:
        """The objects of one page in the order of their places, and the list's metadata.

        what:    the resource and namespace, so that no token is taken for another list
        objects: all of them; they are kept for the next pages, so nobody may change this mapping
        """
        limit, matches = _number(query.get("limit", "")), selector(query.get("labelSelector", ""))
        start: Place = ("", "")
        if query.get("continue"):
            version, start = _read_token(query["continue"])
            objects = self._known(what, version, start, objects, now)
        found = [(place, one) for place, one in sorted(objects.items()) if place > start and matches(_labels(one))]
        metadata: Object = {"resourceVersion": str(version)}
        if limit and len(found) > limit:
            known = {key: one for key, one in self._remembered.items() if now - one.at < REMEMBERED}
            self._remembered = {**known, (what, version): Remembered(objects, now)}
            metadata["continue"] = _token(version, found[limit - 1][0])
            metadata |= {} if query.get("labelSelector") else {"remainingItemCount": len(found) - limit}
            found = found[:limit]
        return [one for _place, one in found], metadata

    def _known(
        self, what: str, version: int, start: Place, objects: Mapping[Place, Object], now: datetime
    ) -> Mapping[Place, Object]:
        if version < 0:  # the token of a 410: goes on with what is there now
            return objects
        remembered = self._remembered.get((what, version))
        if remembered is None or now - remembered.at >= REMEMBERED:
            message = "The provided continue parameter is too old to display a consistent list result."
            expired = refusal(410, "Expired", message)
            assert isinstance(expired.payload, dict)
            expired.payload["metadata"] = {"continue": _token(-1, start)}
            raise expired
        return remembered.objects


def selector(text: str) -> Callable[[Labels], bool]:
    """Read a label selector: `a=b,c!=d,e,!f,g in (h,i)`. Raises Refusal 400."""
    asked = [_requirement(part.strip()) for part in _BETWEEN.split(text)] if text else []
    return lambda labels: all(requirement(labels) for requirement in asked)


def _requirement(text: str) -> Callable[[Labels], bool]:
    if match := _SET.fullmatch(text):
        name, word, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if word == "in":
            return lambda labels: name in labels and labels[name] in values
        return lambda labels: labels.get(name) not in values
    if match := _PAIR.fullmatch(text):
        name, sign, value = match.groups()
        if sign == "!=":
            return lambda labels: labels.get(name) != value
        return lambda labels: labels.get(name) == value
    if match := _THERE.fullmatch(text):
        absent, name = match.groups()
        return lambda labels: (name in labels) != bool(absent)
    raise refusal(400, "BadRequest", f"unable to parse requirement: found '{text}'")


def _labels(one: Object) -> Labels:
    labels: Labels = one["metadata"].get("labels") or {}
    return labels


def _number(text: str) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise refusal(400, "BadRequest", f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _token(version: int, last: Place) -> str:
    namespace, name = last
    start = f"{namespace}/{name}\0" if namespace else f"/{name}\0"
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start})
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _read_token(text: str) -> tuple[int, Place]:
    try:
        token: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        namespace, _slash, name = str(token["start"]).rstrip("\0").partition("/")
        return int(token["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise refusal(400, "BadRequest", "invalid continue token: continue key is not valid") from None
