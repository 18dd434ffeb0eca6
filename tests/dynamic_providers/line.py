"""Drives the verbs as the engine does: check, diff, check again without old inputs on a replacement, then the act.

Each `run` is a process of its own. A resource's state is kept only when its verb succeeded; a replaced Token's old
generation is retained, as `retain_on_delete` asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pulumi.output import Unknown

from dynamic_providers import guard, process, retirement, sweep, token, token_pair
from dynamic_providers.cluster import Cluster
from dynamic_providers.state import Run
from dynamic_providers.verbs import Provider, VerbError
from rotation.backends.protocol import Backend
from rotation.errors import ClusterError
from rotation.model import owner_mark
from rotation.reasons import Reason, read_reason_line

OWNER = owner_mark("token-rotation", "test")
POLICY = {"lifetime": "100d", "rotate_before": "40d", "overlap": "30d", "tolerated_outage": "3d"}
PROVIDERS: dict[str, Callable[[], Provider]] = {
    "guard": guard.GuardProvider,
    "token": token.TokenProvider,
    "pair": token_pair.TokenPairProvider,
    "retirement": retirement.RetirementProvider,
    "sweep": sweep.SweepProvider,
}
_UNKNOWN_UNTIL_DONE = {
    "token": token.Token.OUTPUTS,
    "pair": token_pair.OUTPUTS,
    "retirement": retirement.OUTPUTS,
    "sweep": ("entries",),
}
_MINTED = ("generation", "reason", "value", "handle", "created", "granted_until", "fingerprint", "emergency")
_PAIRED = (
    *("generation", "reason", "created", "expires", "fingerprint", "emergency", "superseded"),
    *("auto_renew", "auto_rotate"),
)
Props = dict[str, Any]


class Killed(Exception):  # noqa: N818 - what it was, not what went wrong
    """The run ended here; what was not stored yet is not stored."""


class Surroundings(Protocol):
    """What a line needs of a world: time, a cluster that can be published to, and backends."""

    cluster: Any

    @property
    def clock(self) -> Callable[[], datetime]: ...

    def connect(self, name: str) -> Backend: ...


@dataclass
class Declared:
    """One token of the config."""

    name: str = "admin"
    backend: str = "authentik"
    policy: Mapping[str, str] = field(default_factory=lambda: dict(POLICY))
    spec: Mapping[str, str] = field(default_factory=dict)
    force: str = ""
    emergency: str = ""
    rollback: str = ""
    paused: bool = False
    probe: str = "never"
    adopt: tuple[str, ...] = ()
    take_over: tuple[str, ...] = ()
    was: tuple[str, ...] = ()
    places: tuple[str, ...] = ("apps/admin",)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    dependencies: Mapping[str, Any] = field(default_factory=dict)
    owned: Mapping[str, Any] = field(default_factory=dict)
    """As `RotatingToken` tells it of the owner of its Secrets: `by` and `as`."""
    interval: str = "1d"


class Line:
    """The whole program. `state` is what the engine stores; `steps` and `said` tell of the last run."""

    def __init__(self, world: Surroundings, *declared: Declared) -> None:
        self.world = world
        self.declared = list(declared) or [Declared()]
        self.state: dict[str, Props] = {}
        self.steps: list[str] = []
        self.said: list[str] = []
        self.kill_at = ""
        self.rotation_limit: int | None = None
        self._preview = False
        self._replace: tuple[str, ...] = ()

    def run(self, *, preview: bool = False, replace: tuple[str, ...] = (), ahead: timedelta = timedelta()) -> None:
        """One `up`; goes on with the other tokens after an error, and raises the first one at the end.

        ahead: how much later than the servers' clock this run's instant is, where a server cannot be moved.
        """
        self._preview, self._replace = preview, replace
        with self._process(ahead):
            backends = list(dict.fromkeys(token.backend for token in self.declared))
            for backend in backends:
                self._step("guard", backend, {"backend": backend, "owner": OWNER})
            failures = [failure for declared in self.declared if (failure := self._line(declared))]
            if failures:
                raise failures[0]
            for backend in backends:
                if self.world.connect(backend).capabilities.lists:
                    self._sweep(backend)

    def retire(self) -> None:
        """The hourly run: retirements and sweeps alone, of what the state holds; everything else stays as it is."""
        with self._process(minting=False):
            for declared in self.declared:
                self._retire(declared, self.outputs("pair", declared.name))
            for backend in dict.fromkeys(token.backend for token in self.declared):
                self._sweep(backend)

    def destroy(self) -> None:
        """Every deletion in the opposite order, and none for a Token: it is retained."""
        order = ["sweep", "retirement", "secret", "pair", "token", "guard"]
        with self._process():
            for key in sorted(self.state, key=lambda key: order.index(key.split()[0])):
                kind = key.split()[0]
                if kind in PROVIDERS and kind != "token":
                    PROVIDERS[kind]().delete(self.state[key]["id"], self.state[key]["outputs"])
                self._reach(f"destroyed {kind}")
                del self.state[key]

    def refresh(self) -> None:
        """Read every resource; one that is gone leaves the state."""
        with self._process():
            for key in [key for key in self.state if key.split()[0] in PROVIDERS]:
                found = PROVIDERS[key.split()[0]]().read(self.state[key]["id"], self.state[key]["outputs"])
                if not found.id:
                    del self.state[key]

    def copy(self) -> dict[str, Props]:
        """The state as a file would hold it."""
        copied: dict[str, Props] = json.loads(json.dumps(self.state))
        return copied

    def outputs(self, kind: str, name: str = "admin") -> Props:
        found: Props = self.state[f"{kind} {name}"]["outputs"]
        return found

    @property
    def generation(self) -> str:
        """The current generation of the token that tests declare unless they say otherwise."""
        return str(self.outputs("token")["generation"])

    def reasons(self) -> list[Reason]:
        """The codes that the last run said, in order."""
        return [Reason(line.split("(")[1].split(")")[0]) for line in self.said]

    def reasons_told(self) -> list[Reason]:
        """The same where a run says more than decisions."""
        return [found[1].reason for text in self.said if (found := read_reason_line(text))]

    @contextmanager
    def _process(self, ahead: timedelta = timedelta(), *, minting: bool = True) -> Iterator[None]:
        self.steps, self.said = [], []
        cluster: Cluster = self.world.cluster
        now = self.world.clock() + ahead
        run = Run("run", now, self.world.clock, cluster, self.world.connect, self.said.append)
        run.rotation_limit, run.minting = self.rotation_limit, minting
        run.entrance = getattr(self.world, "entrance", run.entrance)
        with process.using(run):
            yield

    def _line(self, declared: Declared) -> Exception | None:
        common = _common(declared)
        given = {
            name: getattr(declared, name) for name in ("spec", "force", "emergency", "rollback", "paused", "probe")
        }
        given |= {name: list(getattr(declared, name)) for name in ("places", "adopt", "take_over")}
        owned_by, owning = declared.owned.get("by", ""), declared.owned.get("as", {})
        wanted = {**declared.dependencies, **({"owner": owning["path"]} if owning else {})}
        given |= {"dependencies": wanted, "interval": declared.interval, "owned_by": owned_by}
        try:
            minted = self._step("token", declared.name, {**common, **given}, declared.was)
            taken = {name: minted[name] for name in _MINTED}
            paired = {"places": given["places"], **({"owning": owning} if owning else {})}
            pair = self._step("pair", declared.name, {**common, **taken, **paired}, declared.was)
            for place in declared.places:
                self._publish(place, pair)
            self._retire(declared, pair)
        except (VerbError, ClusterError) as error:
            return error
        return None

    def _retire(self, declared: Declared, pair: Props) -> None:
        taken = {name: pair.get(name) for name in _PAIRED}  # a stored pair may be of an older release
        published = [f"kubernetesSecret:{place}" for place in declared.places]
        retiring = {**_common(declared), **taken, "published": published, "evidence": dict(declared.evidence)}
        self._step("retirement", declared.name, retiring, declared.was)

    def _publish(self, place: str, pair: Props) -> None:
        values = {"token": pair["value"], "token-previous": pair["previous"], "generation": pair["generation"]}
        values |= {"previous-generation": pair["previous_generation"], "repairs": str(pair["repairs"] or "")}
        content = {name: value for name, value in values.items() if value}
        if self._preview or self.state.get(f"secret {place}", {}).get("inputs") == content:
            return
        self.world.cluster.publish(place, content)
        self._reach("publish secret")
        self.state[f"secret {place}"] = {"inputs": content}

    def _sweep(self, backend: str) -> None:
        mine = {token.name: token for token in self.declared if token.backend == backend}
        pairs = {name: self.outputs("pair", name) for name in mine if f"pair {name}" in self.state}
        known = {
            name: [pair["generation"], *(item["generation"] for item in pair["superseded"])]
            for name, pair in pairs.items()
        }
        overlaps = {name: token.policy["overlap"] for name, token in mine.items()}
        self._step("sweep", backend, {"backend": backend, "owner": OWNER, "known": known, "overlaps": overlaps})

    def _step(self, kind: str, name: str, given: Props, was: tuple[str, ...] = ()) -> Props:
        provider, news = PROVIDERS[kind](), {key: value for key, value in given.items() if value is not None}
        key = next((key for key in (f"{kind} {known}" for known in (name, *was)) if key in self.state), "")
        old = self.state.get(key)
        inputs = provider.check(old["inputs"] if old else {}, news).inputs
        act = _act_of(provider.diff(old["id"], old["outputs"], inputs)) if old else "create"
        if act == "replace" or (old and kind in self._replace):
            act, inputs = "replace", provider.check({}, news).inputs
        if act != "same":
            self.steps.append(f"{act} {kind}")
        if self._preview:
            later = dict.fromkeys(_UNKNOWN_UNTIL_DONE.get(kind, ()), Unknown())  # type: ignore[no-untyped-call]
            return old["outputs"] if old and act == "same" else {**(old or {}).get("outputs", {}), **inputs, **later}
        stored = {"id": old["id"], "outputs": old["outputs"]} if old else {}
        if act in ("create", "replace"):
            made = provider.create(inputs)
            stored = {"id": made.id, "outputs": made.outs}
        elif act == "update" and old:
            stored["outputs"] = provider.update(old["id"], old["outputs"], inputs).outs
        self._reach(f"{act} {kind}")
        self.state.pop(key, None)
        self.state[f"{kind} {name}"] = json.loads(json.dumps({**stored, "inputs": inputs}), parse_int=float)
        return self.outputs(kind, name)

    def _reach(self, point: str) -> None:
        if point == self.kill_at:
            self.kill_at = ""
            raise Killed(point)


def _act_of(diff: Any) -> str:
    if diff.replaces:
        return "replace"
    return "update" if diff.changes else "same"


def _common(declared: Declared) -> Props:
    told = {"token": declared.name, "owner": OWNER, "backend": declared.backend, "policy": dict(declared.policy)}
    return {**told, "was": list(declared.was)}
