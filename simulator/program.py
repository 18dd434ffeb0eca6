"""The declared program: the wiring of `components`, told to the engine model instead of Pulumi's SDK."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi.output import Unknown

from dynamic_providers.verbs import VerbError, is_unknown
from rotation.checks import History, planned_at
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import ClusterError
from rotation.model import stored_policy
from rotation.receipt import secret_target
from simulator.engine import Engine, Props, Unpublish, no_unpublishing

MINTED = ("generation", "reason", "value", "handle", "created", "granted_until", "fingerprint", "emergency")
PAIRED = (
    *("generation", "reason", "created", "expires", "fingerprint", "emergency", "superseded"),
    *("auto_renew", "auto_rotate"),
)
ASKED = ("spec", "force", "emergency", "rollback", "paused", "probe")
Write = Callable[[str, Mapping[str, str]], None]


@dataclass
class Declared:
    """One token of the config."""

    name: str
    backend: str
    policy: Mapping[str, Any]
    places: tuple[str, ...]
    owner: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    force: str = ""
    emergency: str = ""
    rollback: str = ""
    paused: bool = False
    probe: str = "never"
    adopt: tuple[str, ...] = ()
    take_over: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    was: tuple[str, ...] = ()
    decommissioned: bool = False


@dataclass
class Program:
    """Everything that one `up` declares, in the order of its dependencies.

    lists: whether a backend, by name, is one that gets a sweep
    turn:  told which step of which resource begins
    """

    engine: Engine
    write: Write
    lists: Callable[[str], bool]
    turn: Callable[[str, str], None]
    unpublish: Unpublish = no_unpublishing
    _pairs: dict[str, Props] = field(default_factory=dict)

    def run(self, declared: Sequence[Declared], quiet: Collection[str] = ()) -> list[tuple[str, Exception]]:
        """One `up` with `--continue-on-error`; returns what failed, by token.

        quiet: what is passed over, as `token NAME`, `guard BACKEND` or `sweep BACKEND`
        """
        self._pairs.clear()
        backends = {token.backend: token.owner for token in declared}
        failures = self._guards({name: owner for name, owner in backends.items() if f"guard {name}" not in quiet})
        unguarded = {name for name, _ in failures}
        unswept = set(unguarded)
        for token in declared:
            if token.backend not in unguarded and f"token {token.name}" not in quiet:
                failed = self._line(token)
                failures += failed
                unswept |= {token.backend for _ in failed}
        due = [name for name in backends if self.lists(name) and name not in unswept and f"sweep {name}" not in quiet]
        return failures + [failure for name in due for failure in self._sweep(name, declared)]

    def delete_undeclared(self, declared: Sequence[Declared]) -> list[tuple[str, Exception]]:
        """The end of an `up` that passed over nothing: what it did not declare goes, unless that is protected."""
        if not self.engine.preview:
            self._protect(declared)
        try:
            self.engine.delete_undeclared(self.unpublish)
        except (VerbError, ClusterError) as error:
            return [("", error)]
        return []

    def _protect(self, declared: Sequence[Declared]) -> None:
        """All of a token but its mint; the guard while any token of its backend stays."""
        kept = self.engine.protected
        kept -= self.engine.declared
        for token in declared:
            if not token.decommissioned:
                kept |= {f"guard {token.backend}", f"pair {token.name}", f"retirement {token.name}"}
                kept |= {f"secret {place}" for place in token.places}

    def _guards(self, backends: Mapping[str, str]) -> list[tuple[str, Exception]]:
        failures: list[tuple[str, Exception]] = []
        for backend, owner in backends.items():
            try:
                self._step("guard", backend, {"backend": backend, "owner": owner})
            except VerbError as error:
                failures.append((backend, error))
        return failures

    def _line(self, token: Declared) -> list[tuple[str, Exception]]:
        policy = dict(token.policy)
        common: Props = {"token": token.name, "owner": token.owner, "backend": token.backend, "policy": policy}
        common["was"] = list(token.was)
        given: Props = {name: getattr(token, name) for name in ASKED}
        given |= {name: list(getattr(token, name)) for name in ("places", "adopt", "take_over")}
        given |= {"dependencies": {}, "owned_by": ""}
        try:
            minted = self._step("token", token.name, {**common, **given}, token.was)
            taken = {name: minted[name] for name in MINTED}
            pair = self._step("pair", token.name, {**common, **taken, "places": given["places"]}, token.was)
            self._pairs[token.name] = pair
            for place in token.places:
                self.turn("publish", token.name)
                self.engine.publish(place, published_content(pair, paused=token.paused), self.write)
            paired = {name: pair[name] for name in PAIRED}
            published = [secret_target(place) for place in token.places]
            retiring = {**common, **paired, "published": published, "evidence": dict(token.evidence)}
            self._step("retirement", token.name, retiring, token.was)
        except (VerbError, ClusterError) as error:
            return [(token.name, error)]
        return []

    def _sweep(self, backend: str, declared: Sequence[Declared]) -> list[tuple[str, Exception]]:
        mine = [token for token in declared if token.backend == backend]
        known: Any = {token.name: self._generations(token.name) for token in mine}
        if any(is_unknown(generations) for generations in known.values()):
            known = Unknown()  # type: ignore[no-untyped-call]
        overlaps = {name: token.policy["overlap"] for token in mine for name in (token.name, *token.was)}
        props = {"backend": backend, "owner": mine[0].owner, "known": known, "overlaps": overlaps}
        try:
            self._step("sweep", backend, props)
        except VerbError as error:
            return [(backend, error)]
        return []

    def _generations(self, name: str) -> Any:
        """The current one first, then every one that its pair still names; unknown where a dry run cannot tell."""
        pair = self._pairs.get(name) or self.engine.outputs("pair", name)
        if is_unknown(pair["superseded"]):
            return pair["superseded"]
        return [pair["generation"], *(item["generation"] for item in pair["superseded"])]

    def _step(self, kind: str, name: str, given: Mapping[str, Any], was: tuple[str, ...] = ()) -> Props:
        self.turn(kind, name)
        return self.engine.step(kind, name, given, was)


def published_content(pair: Props, *, paused: bool = False) -> dict[str, str]:
    """What every place of a token holds. `paused` is what the config says of it."""
    told = {"token": pair["value"], "token-previous": pair["previous"], "generation": pair["generation"]}
    told |= {"previous-generation": pair["previous_generation"], "previous-valid-until": pair["previous_valid_until"]}
    repairs = pair["repairs"]
    told["repairs"] = "unknown" if is_unknown(repairs) else str(int(repairs or 0) or "")
    told |= {**_marks(pair), "status": _status(pair, paused=paused)}
    return {name: text for name, text in told.items() if text}


def _status(pair: Props, *, paused: bool) -> str:
    """As `components.publications.contents` writes it."""
    if pair["failing"]:
        return "failed"
    if paused or pair["auto_rotate"] is False:
        return "paused"
    previous = pair["previous_generation"]
    return "unknown" if is_unknown(previous) else "overlap" if previous else "active"


def _marks(pair: Props) -> dict[str, str]:
    """The labels and annotations that say more than the pair, as `components.publications` writes them."""
    if is_unknown(pair["expires"]):
        return {"rotates": "unknown"}
    policy = stored_policy(pair["policy"])
    history = History(pair["generation"], from_rfc3339(pair["created"]), from_rfc3339(pair["expires"]))
    told = {"name": pair["token"], "created": pair["created"], "expires": pair["expires"]}
    return {**told, "rotates": to_rfc3339(planned_at(policy, history)), "overlap": str(policy.overlap)}
