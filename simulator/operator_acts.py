"""What a person does between two runs: orders, a new name, another spec, an old state restored and noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from simulator.cast import Cast
from simulator.facts import TokenFacts
from simulator.program import Declared
from simulator.scenario import OperatorAct
from simulator.sites import ROLES, TEAMS

_NOTICED_SOON, _NOTICED_LATE = 3, 30
"""Runs until a person notices that an old state was restored: one time in three it takes long."""


class Operator:
    """Obeys the scenario.

    wake:    told that lines may have something to do: of one token by its name, or of all
    replace: tokens that a person lets be minted anew with `--replace`, until that was published
    """

    def __init__(self, cast: Cast, wake: Callable[[str], None]) -> None:
        self._cast = cast
        self._wake = wake
        self.replace: set[str] = set()
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self._newest: dict[str, Any] = {}
        self._noticed: tuple[int, str] | None = None

    def keep_state(self, number: int) -> None:
        """Remember the state after a run, as a backup does."""
        self._kept.append((number, dict(self._cast.engine.state)))

    def forget_obeyed(self) -> None:
        """What was published is not asked for again."""
        self.replace = {name for name in self.replace if self._cast.facts.by_name[name].orders}

    def act(self, act: OperatorAct, number: int) -> None:
        """One act of the scenario, before this run."""
        cast = self._cast
        cast.note("operator", act.token, act.what, "asked")
        cast.facts.counts[f"operator: {act.what}"] += 1
        if act.what == "restore":
            self._restore(number, act.size)
            return
        token = next(token for token in cast.declared if cast.keys[token.name] == act.token)
        cast.facts_of(token).disturbed = cast.world.now
        self._wake(token.name)
        if act.what == "rename":
            self._rename(token, f"{act.token}-r{number}")
        else:
            self._order(token, act.what, f"{act.what}-{number}")

    def notice(self, number: int) -> None:
        """Some runs after an old state was restored, put the newest back, or accept what is there."""
        if self._noticed is None or number < self._noticed[0]:
            return
        how, self._noticed = self._noticed[1], None
        self._cast.note("operator", "", f"restore: {how}", "asked")
        if how == "put back":
            self._swap_state(self._newest)
        for token in self._cast.declared:
            facts = self._cast.facts_of(token)
            if facts.behind:
                self.replace.add(token.name)
                facts.orders.add("replace")
                facts.disturbed = self._cast.world.now
        self._wake("")

    def _order(self, token: Declared, what: str, nonce: str) -> None:
        facts = self._cast.facts_of(token)
        facts.orders.add(what)
        if what == "force":
            token.force = nonce
        elif what == "emergency":
            token.emergency = nonce
            facts.urgent = self._cast.world.now.replace(microsecond=0) - timedelta(minutes=5)
        else:
            token.spec = _other_spec(token)

    def _rename(self, token: Declared, name: str) -> None:
        cast = self._cast
        cast.keys[name] = cast.keys[token.name]
        cast.facts.by_name[name] = cast.facts.by_name[token.name]
        token.was = (token.name, *token.was)
        token.name = name
        self._wake(name)

    def _restore(self, number: int, back: int) -> None:
        """Put an older state in the place of the newest."""
        older = [kept for run, kept in self._kept if run <= number - back]
        if older:
            self._newest = dict(self._cast.engine.state)
            self._swap_state(older[-1])
            after = _NOTICED_SOON if back % 3 else _NOTICED_LATE
            self._noticed = (number + after, "put back" if back % 2 else "accept")

    def _swap_state(self, other: Mapping[str, Any]) -> None:
        self._cast.engine.state = dict(other)
        self._wake("")
        self._cast.facts.restored(self._named_in_state)

    def _named_in_state(self, token: TokenFacts) -> set[str]:
        """The generations of a token that the state knows: the current one as published, and all superseded ones."""
        named: set[str] = set()
        for name in (name for name, found in self._cast.facts.by_name.items() if found is token):
            pair = self._cast.stored("pair", name)
            named |= {item["generation"] for item in pair.get("superseded", ())} | {pair.get("generation", "")}
        return named


def _other_spec(token: Declared) -> dict[str, Any]:
    if token.backend == "vault":
        return {"role": ROLES[0] if token.spec["role"] == ROLES[1] else ROLES[1]}
    other = TEAMS[0] if token.spec.get("user") == TEAMS[1] else TEAMS[1]
    return {**token.spec, "user": other}
