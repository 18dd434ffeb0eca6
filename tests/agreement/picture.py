"""One picture of a world after a run, in words that do not depend on which world it is.

Generations are told by token and order of birth (`admin 2`), instants by days since the scenario began, values by the
generation that they belong to.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rotation.clock import from_rfc3339
from rotation.model import is_generation, token_of
from rotation.reasons import Decision

Props = Mapping[str, Any]
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Run:
    """What one run did and said; operations, such as `replace token admin`, are None of a run that was killed."""

    ok: bool
    operations: Sequence[str] | None
    said: Sequence[tuple[str, Decision]]


@dataclass(frozen=True)
class Seen:
    """What a world shows after a run, as it is.

    resources: the stored outputs, by kind and name
    secrets:   at each place the published values and, by its name, what the annotations tell
    live:      at each site the ids that are accepted
    """

    resources: Mapping[str, Props]
    receipts: Mapping[str, str]
    secrets: Mapping[str, Mapping[str, str]]
    live: Mapping[str, Sequence[str]]


@dataclass
class Names:
    """Names for what differs between worlds. `instants`: whether instants can be compared at all."""

    start: datetime
    instants: bool = True
    _labels: dict[str, str] = field(default_factory=dict)
    _values: dict[str, str] = field(default_factory=dict, repr=False)
    _ids: dict[str, str] = field(default_factory=dict)
    _born: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def born(self, generation: str, value: str = "") -> None:
        """Note a generation of ours, at its birth or when its value is told."""
        if generation not in self._labels:
            token = token_of(generation) if is_generation(generation) else ""
            self._born[token] += 1
            self._name(generation, f"{token} {self._born[token]}" if token else generation)
        if value:
            self._values[value] = self._labels[generation]

    def identifier(self, token: str, number: int) -> str:
        """The id of a token's generation of this number."""
        return self._ids[f"{token} {number}"]

    def value(self, token: str, number: int) -> str:
        """The value of a token's generation of this number."""
        label = f"{token} {number}"
        return next(value for value, name in self._values.items() if name == label)

    def of(self, generation: str) -> str:
        """An id that no server knows is one that we gave to what we adopted."""
        if not generation:
            return "none"
        if generation not in self._labels:
            token = token_of(generation)
            self._born[f"{token} adopted"] += 1
            self._name(generation, f"{token} adopted {self._born[f'{token} adopted']}")
        return self._labels[generation]

    def of_value(self, value: str) -> str:
        return self._values.get(value, f"another value ({value})" if len(value) < 20 else "another value")

    def at(self, instant: str | None) -> str:
        """In days since the start, to the hour; runs of the real CLI take seconds."""
        if not instant:
            return "never"
        if not self.instants:
            return "then"
        hours = round((from_rfc3339(instant) - self.start) / _HOUR)
        return f"day {hours / 24:g}"

    def all_of(self, generations: Iterable[str]) -> str:
        return ", ".join(self.of(generation) for generation in generations) or "none"

    def _name(self, generation: str, label: str) -> None:
        self._labels[generation] = label
        self._ids[label] = generation


@dataclass(frozen=True)
class Picture:
    """Everything that both worlds must agree on, as lines."""

    title: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"    {line}" for line in self.lines)))


def draw(title: str, run: Run, seen: Seen, names: Names) -> Picture:
    """Tell of one run and of what it left."""
    lines = [f"it {'succeeded' if run.ok else 'failed'}"]
    if run.operations is not None:
        lines += [f"did: {operation}" for operation in sorted(run.operations)]
        lines += sorted({f"said: {token} {decision.action} {decision.reason}" for token, decision in run.said})
    for key in sorted(seen.resources):
        lines += _resource(key, seen.resources[key], names)
    for token in sorted(seen.receipts):
        lines += _receipt(token, json.loads(seen.receipts[token]), names)
    lines += [f"published at {place}: {_secret(seen.secrets[place], names)}" for place in sorted(seen.secrets)]
    lines += [f"live at {site}: {', '.join(sorted(map(names.of, seen.live[site])))}" for site in sorted(seen.live)]
    return Picture(title, tuple(lines))


def _resource(key: str, outputs: Props, names: Names) -> list[str]:
    kind = key.split(maxsplit=1)[0]
    if kind == "token":
        told = f"{names.of(outputs['generation'])} because {outputs['reason']}"
        told += f", granted {names.at(outputs['granted_until'])}"
    elif kind == "pair":
        superseded = names.all_of(item["generation"] for item in outputs["superseded"])
        told = f"{names.of(outputs['generation'])} until {names.at(outputs['expires'])}"
        told += f", previous {names.of(outputs['previous_generation'])}, superseded {superseded}"
        told += f", {int(outputs['repairs'] or 0)} repairs"
    elif kind == "retirement":
        told = f"{names.of(outputs['generation'])} published {names.at(outputs['published_at'])}"
        told += f", retires {names.at(outputs['retires'])}, retired {names.all_of(outputs['retired'])}"
        told += f", conditions {outputs.get('conditions') or []}"
    else:
        told = "known"
    entries = [f"{key} holds {_entry(entry, names)}" for entry in outputs.get("entries") or []]
    return [f"state of {key}: {told}", *entries]


def _entry(entry: Props, names: Names) -> str:
    told = f"{names.of(entry['generation'])} until {names.at(entry['deadline'])}"
    told += ", dead" if entry["retired"] else ""
    told += f", failed {int(entry['attempts'])} times" if entry["attempts"] else ""
    return told + (", expedited" if entry["expedited"] else "")


def _receipt(token: str, entry: Any, names: Names) -> list[str]:
    if isinstance(entry, list):
        return [f"note {token}: {names.all_of(note['generation'] for note in entry)}"]
    told = f"{names.of(entry['generation'])} because {entry['reason']}, expires {names.at(entry['expires'])}"
    told += f", rotates {names.at(entry['rotates'])}, published {names.at(entry['published_at'])}"
    told += f", retired {names.all_of(entry['retired'])}, conditions {entry['conditions']}"
    waiting = (f"{names.of(item['generation'])} until {names.at(item['deadline'])}" for item in entry["superseded"])
    return [f"receipt of {token}: {told}", *(f"receipt of {token} waits for {text}" for text in waiting)]


def _secret(content: Mapping[str, str], names: Names) -> str:
    told = [f"{key} {names.of_value(content[key])}" for key in ("token", "token-previous") if key in content]
    told += [f"{key} {names.of(content[key])}" for key in ("generation", "previous-generation") if key in content]
    if "previous-valid-until" in content:
        told.append(f"valid until {names.at(content['previous-valid-until'])}")
    if "repairs" in content:
        told.append(f"repairs {content['repairs']}")
    return ", ".join(told)
