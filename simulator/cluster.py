"""A cluster in memory: receipts and published Secrets. Every read and write is an effect that can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dynamic_providers.cluster import Placed
from rotation.errors import ClusterAway, ClusterError
from rotation.evidence import NoAnswer, Observation, Source


class Perform(Protocol):
    """Does an act on the cluster, or lets it go wrong."""

    def __call__(self, act: str, subject: str, menu: str, do: Callable[[], Any]) -> Any: ...


class SimulatedCluster:
    """What production asks of a cluster, and `publish`, which is what a publication's provider does."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self.entries: dict[str, str] = {}
        self.secrets: dict[str, Mapping[str, str]] = {}
        self.by_hand: set[str] = set()
        self.on_published: Callable[[str, Mapping[str, str]], None] = lambda _place, _content: None
        self.on_receipt: Callable[[str, str], None] = lambda _token, _text: None

    def receipts(self) -> dict[str, str]:
        found: dict[str, str] = self._perform("read receipts", "", "cluster read", lambda: dict(self.entries))
        return found

    def write_receipt(self, token: str, text: str) -> None:
        self._perform("write receipt", token, "cluster write", lambda: self._write(token, text))

    def _write(self, token: str, text: str) -> None:
        self.entries[token] = text
        self.on_receipt(token, text)

    def remove_receipt(self, token: str) -> None:
        self._perform("remove receipt", token, "cluster write", lambda: self.entries.pop(token, None))

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        place = f"{namespace}/{name}"
        content = self._perform("read credential", place, "cluster read", lambda: self.secrets.get(place, {}))
        if not content.get(key):
            raise ClusterError(f"read the Secret {place}", f"it has no key {key}", "Name the key that holds it.")
        return str(content[key])

    def placed(self, namespace: str, name: str) -> Placed | None:
        place = f"{namespace}/{name}"
        found: Mapping[str, str] | None = self._perform("look", place, "cluster read", lambda: self.secrets.get(place))
        if found is None:
            return None
        names = (found.get("generation", ""), found.get("previous-generation", ""))
        return Placed(*names, by_hand=place in self.by_hand)

    def observe(self, source: Source) -> Observation:
        """No source of evidence is simulated."""
        return NoAnswer(f"{source} does not exist")

    def run_records(self) -> dict[str, str]:
        """No validation runs in the simulator."""
        return {}

    def uid(self, _where: str) -> str | None:
        """Nothing owns a Secret here."""
        return None

    def config_map(self, _namespace: str, _name: str) -> dict[str, bytes] | None:
        """No template comes from here."""
        return None

    def hold_place(self, namespace: str, name: str, value: str, owner: str) -> None:
        """No server of the simulator waits for a person."""

    def give_up_place(self, namespace: str, name: str) -> None:
        """Nor was a place held."""

    def ready_replicas(self, _namespace: str, _name: str) -> int | None:
        """No Deployment stands here."""
        return None

    def publish(self, place: str, content: Mapping[str, str]) -> None:
        """The whole Secret in one write."""
        self._perform("publish", place, "cluster write", lambda: self._put(place, dict(content)))

    def _put(self, place: str, content: Mapping[str, str]) -> None:
        self.secrets[place] = content
        self.by_hand.discard(place)
        self.on_published(place, content)


def away(act: str, cause: str) -> ClusterAway:
    """No answer, or one that says to come again."""
    return ClusterAway(act, cause, "The next run tries again.")
