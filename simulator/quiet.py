"""Which lines are quiet: nothing can change in a run, so they need not be executed.

A line is quiet when its stored steps agree with each other, with its receipt and with the config, and now is earlier
than every instant at which production may decide otherwise: the rotation, the renewal, a deadline, the end of what is
shown as previous. A test executes the same seeds with and without passing over quiet lines and compares every effect.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from rotation.checks import History, rotates_at
from rotation.clock import from_rfc3339
from rotation.model import Policy
from simulator.cast import Cast
from simulator.engine import Props
from simulator.faults import Weather
from simulator.program import ASKED, MINTED, PAIRED, Declared
from simulator.scenario import START

NEVER_QUIET, FAR = START, datetime.max.replace(tzinfo=UTC)


class Quiet:
    """Until when each line, guard and sweep has nothing to do, by `token NAME`, `guard BACKEND` or `sweep BACKEND`."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._until: dict[str, datetime] = {}
        self.wake("")

    def wake(self, name: str) -> None:
        """One token, by its present name, or all lines may have something to do."""
        names = {token.name for token in self._cast.declared}
        for other in [key for key in self._until if key.startswith("token ") and key[6:] not in names]:
            del self._until[other]
        self._until |= {f"token {one}": NEVER_QUIET for one in ([name] if name in names else names)}
        if not name:
            self._until = dict.fromkeys(self._until, NEVER_QUIET)

    def keys(self, weather: Weather) -> set[str]:
        """What a run in this weather passes over: all that is quiet, unless something may go wrong with its reads."""
        if weather.concerns_all:
            return set()
        now = self._cast.world.our_clock()
        quiet = {key for key, until in self._until.items() if now < until}
        if weather.is_calm:
            return quiet
        touched = {f"sweep {name}" for name in self._cast.world.sites if weather.concerns("", name)}
        for token in self._cast.declared:
            if weather.concerns(self._cast.keys[token.name], token.backend):
                touched.add(f"token {token.name}")
        return quiet - touched

    def covers(self, quiet: Collection[str]) -> bool:
        """Whether there is nothing that is not quiet."""
        return len(quiet) == len(self._until)

    def judge(self, executed: Collection[Declared], troubled: Collection[str]) -> None:
        """After a run: until when all that was executed will have nothing to do. `troubled`: names of what failed."""
        for token in executed:
            until = NEVER_QUIET if token.name in troubled else self._quiet_until(token)
            self._until[f"token {token.name}"] = until
        touched, now = {token.backend for token in executed}, self._cast.world.now
        for backend, site in self._cast.world.sites.items():
            known = f"guard {backend}" in self._cast.engine.state
            self._until[f"guard {backend}"] = FAR if known else NEVER_QUIET
            if site.lists and (backend in touched or self._until.get(f"sweep {backend}", NEVER_QUIET) <= now):
                self._until[f"sweep {backend}"] = self._sweep_until(backend)

    def _quiet_until(self, token: Declared) -> datetime:
        state = self._cast.engine.state
        resources = [state.get(f"{kind} {token.name}") for kind in ("token", "pair", "retirement")]
        if None in resources or token.name not in self._cast.world.cluster.entries:
            return NEVER_QUIET
        minted, pair, retirement = (resource["outputs"] for resource in resources if resource)
        if not _agree(token, minted, pair, retirement):
            return NEVER_QUIET  # its places hold what the pair has, or the line would have failed
        return min(_instants(self._cast.facts_of(token).policy, pair, retirement))

    def _sweep_until(self, backend: str) -> datetime:
        if f"sweep {backend}" not in self._cast.engine.state or self._has_strays(backend):
            return NEVER_QUIET
        return NEVER_QUIET if self._cast.stored("sweep", backend)["entries"] else FAR  # it tells of each in each run

    def _has_strays(self, backend: str) -> bool:
        """Whether something lives that neither its token's pair nor the sweep names."""
        swept = {entry["generation"] for entry in self._cast.stored("sweep", backend)["entries"]}
        for token in self._cast.declared:
            if token.backend != backend:
                continue
            alive, pair = self._cast.facts_of(token).lives.keys(), self._cast.stored("pair", token.name)
            known = {pair.get("generation"), *(item["generation"] for item in pair.get("superseded", ()))}
            if not alive <= known | swept:
                return True
        return False


def _agree(token: Declared, minted: Props, pair: Props, retirement: Props) -> bool:
    """Whether another run with the same config and world would change nothing."""
    if any(minted[name] != getattr(token, name) for name in ASKED) or minted["was"] != list(token.was):
        return False
    if any(pair[name] != minted[name] for name in MINTED) or any(retirement[name] != pair[name] for name in PAIRED):
        return False
    waiting = {entry["generation"] for entry in retirement["entries"]}
    known = waiting == {item["generation"] for item in pair["superseded"]} and pair["retired"] == retirement["retired"]
    return known and not retirement["failed"] and not retirement["conditions"]


def _instants(policy: Policy, pair: Props, retirement: Props) -> list[datetime]:
    expires = from_rfc3339(pair["expires"])
    found = [rotates_at(policy, History(pair["generation"], from_rfc3339(pair["created"]), expires))]
    if policy.renew_before is not None:
        found.append(expires - policy.renew_before)
    found += [from_rfc3339(entry["deadline"]) for entry in retirement["entries"]]
    if pair["previous_valid_until"]:
        found.append(from_rfc3339(pair["previous_valid_until"]))
    return found
