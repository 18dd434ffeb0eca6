"""A model of Pulumi's engine: check, diff, check again without old inputs on a replacement, the act, the saved state.

A resource's state is kept only when its verb succeeded; a replaced Token's old generation is retained, as
`retain_on_delete` asks. tests/agreement holds this model to the real CLI.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pulumi.output import Unknown

from dynamic_providers import guard, retirement, sweep, token, token_pair
from dynamic_providers.verbs import Provider, VerbError

Props = dict[str, Any]
PROVIDERS: dict[str, Callable[[], Provider]] = {
    "guard": guard.GuardProvider,
    "token": token.TokenProvider,
    "pair": token_pair.TokenPairProvider,
    "retirement": retirement.RetirementProvider,
    "sweep": sweep.SweepProvider,
}
DELETION_ORDER = ("sweep", "retirement", "secret", "pair", "token", "guard")
_UNKNOWN_UNTIL_DONE: dict[str, tuple[str, ...]] = {
    "token": token.Token.OUTPUTS,
    "pair": token_pair.OUTPUTS,
    "retirement": retirement.OUTPUTS,
    "sweep": ("entries",),
}


Unpublish = Callable[[str], None]


def no_unpublishing(_place: str) -> None:
    """What becomes of the published objects is of no concern."""


def _nothing(_act: str, _kind: str, _name: str) -> None:
    """Nobody watches."""


@dataclass
class Engine:
    """What the engine knows. A resource is one entry of `state`, by kind and name.

    reached: called after an act and before its state is saved; what it raises ends the run there
    saved:   called after the save
    copies:  whether a stored state is a copy, as a file would hold it; without, it shares what was handed in
    steps:   what the last run did, such as `update pair admin`, without what stayed the same; a failed one says so
    judging: whether the provider decides at this moment, and does not act
    protected: what must not be deleted
    declared: what this run declared so far; what else the state holds is deleted at its end
    """

    reached: Callable[[str, str, str], None] = _nothing
    saved: Callable[[str, str, str], None] = _nothing
    copies: bool = True
    preview: bool = False
    replace: tuple[str, ...] = ()
    state: dict[str, Props] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    judging: bool = False
    protected: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)

    def step(self, kind: str, name: str, given: Mapping[str, Any], was: tuple[str, ...] = ()) -> Props:
        """Bring one dynamic resource to what is given; returns its outputs, unknown ones in a preview."""
        provider, news = PROVIDERS[kind](), {key: value for key, value in given.items() if value is not None}
        key = next((key for key in (f"{kind} {known}" for known in (name, *was)) if key in self.state), "")
        old = self.state.get(key)
        self.declared |= {key, f"{kind} {name}"}
        act, inputs = self._judged(provider, kind, old, news)
        with self._told(act, kind, name):
            if self.preview:
                return _foreseen(kind, old, act, inputs)
            made = _acted(provider, act, old, inputs)
        self.reached(act, kind, name)
        self.state.pop(key, None)
        self.state[f"{kind} {name}"] = self._stored({**made, "inputs": inputs})
        self.saved(act, kind, name)
        return self.outputs(kind, name)

    def publish(self, place: str, content: Mapping[str, str], write: Callable[[str, Mapping[str, str]], None]) -> None:
        """Bring one publication to its content. The engine compares inputs, not what stands in the cluster."""
        known = self.state.get(f"secret {place}")
        self.declared.add(f"secret {place}")
        if known and known["inputs"] == content:
            return
        with self._told("update" if known else "create", "secret", place):
            if self.preview:
                return
            write(place, content)
        self.reached("publish", "secret", place)
        self.state[f"secret {place}"] = {"inputs": dict(content)}
        self.saved("publish", "secret", place)

    def destroy(self, unpublish: Unpublish = no_unpublishing) -> None:
        """Delete everything. Raises VerbError at the first thing that is protected."""
        self._delete(list(self.state), unpublish)

    def delete_undeclared(self, unpublish: Unpublish = no_unpublishing) -> None:
        """Delete what this run did not declare. Raises VerbError at the first thing that is protected."""
        self._delete([key for key in self.state if key not in self.declared], unpublish)

    def _delete(self, keys: list[str], unpublish: Unpublish) -> None:
        """Every deletion in the opposite order, and none for a Token: it is retained."""
        for key in sorted(keys, key=lambda key: DELETION_ORDER.index(key.split()[0])):
            kind, name = key.split()
            with self._told("delete", kind, name):
                if key in self.protected:
                    raise VerbError(f"{key} cannot be deleted because it is protected")
                if self.preview:
                    continue
                if kind == "secret":
                    unpublish(name)
                elif kind != "token":
                    PROVIDERS[kind]().delete(self.state[key]["id"], self.state[key]["outputs"])
            self.reached("destroyed", kind, name)
            del self.state[key]

    def refresh(self, published: Callable[[str], bool] = lambda _place: True) -> None:
        """Read every resource; one that is gone leaves the state. `published`: whether a place has its object."""
        for key in list(self.state):
            kind, name = key.split()
            if kind == "secret":
                gone = not published(name)
            else:
                gone = not PROVIDERS[kind]().read(self.state[key]["id"], self.state[key]["outputs"]).id
            if gone:
                del self.state[key]

    def outputs(self, kind: str, name: str) -> Props:
        """What is stored of a resource; raises KeyError when nothing is."""
        found: Props = self.state[f"{kind} {name}"]["outputs"]
        return found

    @contextmanager
    def _told(self, act: str, kind: str, name: str) -> Iterator[None]:
        if act != "same":
            self.steps.append(f"{act} {kind} {name}")
        try:
            yield
        except Exception:
            self.steps[-1] += " failed"
            raise

    def _judged(self, provider: Provider, kind: str, old: Props | None, news: Props) -> tuple[str, Props]:
        self.judging = True
        try:
            if old and kind in self.replace:  # the engine asks nobody about what it was told to replace
                return "replace", provider.check({}, news).inputs
            inputs = provider.check(old["inputs"] if old else {}, news).inputs
            act = _act_of(provider.diff(old["id"], old["outputs"], inputs)) if old else "create"
            if act == "replace":
                inputs = provider.check({}, news).inputs
        finally:
            self.judging = False
        return act, inputs

    def _stored(self, resource: Props) -> Props:
        """The engine keeps every number as a float."""
        if not self.copies:
            return resource
        stored: Props = json.loads(json.dumps(resource), parse_int=float)
        return stored


def _acted(provider: Provider, act: str, old: Props | None, inputs: Props) -> Props:
    if act in ("create", "replace"):
        made = provider.create(inputs)
        return {"id": made.id, "outputs": made.outs}
    assert old is not None, "only what exists is updated or left as it is"
    outputs = provider.update(old["id"], old["outputs"], inputs).outs if act == "update" else old["outputs"]
    return {"id": old["id"], "outputs": outputs}


def _foreseen(kind: str, old: Props | None, act: str, inputs: Props) -> Props:
    if old and act == "same":
        found: Props = old["outputs"]
        return found
    later = dict.fromkeys(_UNKNOWN_UNTIL_DONE.get(kind, ()), Unknown())  # type: ignore[no-untyped-call]
    return {**(old or {}).get("outputs", {}), **inputs, **later}


def _act_of(diff: Any) -> str:
    if diff.replaces:
        return "replace"
    return "update" if diff.changes else "same"
