"""What a run told: decisions, failures by token, orphans and changes, out of the lines that `pulumi` printed. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rotation.reasons import Action, Decision, Reason, read_reason_line
from rotation.run_record import TokenCounts

_CHANGES = re.compile(r"^\s+\S+\s*(\d+) (created|updated|replaced|deleted|unchanged)$")
_FAILED = re.compile(r"^\W*(?P<type>\w[^\s:]*:\S+) (?P<name>\S+) \*\*(?P<step>[a-z ]*)failed(?: \([^)]*\))?\*\*")
_OURS = "pulumi-python:dynamic/token-rotation:"
_ENGINES = "pulumi:"
_ERROR = re.compile(r"error: (?:Exception calling application: )?(?P<text>[A-Z]\w+: .+)")
_PLACE = re.compile(r"(?P<token>[a-z0-9-]+?)-(?:secret|item|kv|entry|push|store|external)\b")
_MINTED = frozenset({"Token", "TokenPair"})
_MADE = ("creating", "replacing")
ACTS = frozenset({Action.ROTATE, Action.ROLL_BACK, Action.ADOPT, Action.REPAIR, Action.RETIRE, Action.DEPLOY})
"""Decisions that change what consumers hold or what is alive; to keep or to renew is nothing that people wait for."""


@dataclass(frozen=True)
class Told:
    """The lines of all `pulumi` commands of one run, read."""

    lines: Sequence[str] = ()

    @cached_property
    def decisions(self) -> list[tuple[str, Decision]]:
        """Token and decision, each once, in order: the CLI repeats what providers print."""
        return list(dict.fromkeys(found for line in self.lines if (found := read_reason_line(line))))

    @cached_property
    def acts(self) -> list[tuple[str, Decision]]:
        """What was decided to be done to a token."""
        return [(token, decision) for token, decision in self.decisions if decision.action in ACTS]

    @cached_property
    def errors(self) -> list[str]:
        """The errors in our own form, each once: they name token, backend, act, cause and remedy, and hold no value."""
        found = (_ERROR.search(line) for line in self.lines)
        return list(dict.fromkeys(match["text"].strip() for match in found if match))

    @cached_property
    def changes(self) -> dict[str, int]:
        """How many resources the last `up` created, updated, replaced and deleted."""
        changes = {match[2]: int(match[1]) for match in map(_CHANGES.match, self.lines) if match}
        changes.pop("unchanged", None)
        return changes

    @cached_property
    def failed(self) -> list[str]:
        """The resources that failed, as type and name."""
        found = (_FAILED.match(line) for line in self.lines)
        named = (f"{match['type']} {match['name']}" for match in found if match)
        return list(dict.fromkeys(name for name in named if not name.startswith(_ENGINES)))

    def counts(self, receipts: Iterable[str] = ()) -> dict[str, TokenCounts]:
        """Failures of this run by token. `receipts`: the tokens that have one; others are known by their decisions."""
        tokens = {*receipts, *(token for token, _ in self.decisions)}
        found: Counter[tuple[str, str]] = Counter()
        for match in filter(None, map(_FAILED.match, self.lines)):
            token, count = _blamed(match["type"], match["name"], match["step"], tokens)
            found[token, count] += bool(token and count)
        blamed = {token for (token, _), number in found.items() if number}
        return {token: TokenCounts(**{name: found[token, name] for name in _COUNTED}) for token in sorted(blamed)}

    def orphans(self) -> dict[str, int]:
        """Unknown generations that wait for their end, by backend."""
        told = (name for name, decision in self.decisions if decision.reason is Reason.ORPHAN_FOUND)
        return dict(Counter(told))


_COUNTED = ("mint_failures", "renewal_failures", "publication_failures")


def added(counts: Mapping[str, TokenCounts], more: Mapping[str, TokenCounts]) -> dict[str, TokenCounts]:
    """Counts that only grow: each of `more` on top of what stood there."""
    return {token: _sum(counts.get(token), more.get(token)) for token in sorted({*counts, *more})}


def _sum(one: TokenCounts | None, other: TokenCounts | None) -> TokenCounts:
    first, second = (one or TokenCounts()).model_dump(), (other or TokenCounts()).model_dump()
    return TokenCounts(**{name: first[name] + second[name] for name in first})


def _blamed(type_: str, name: str, step: str, tokens: set[str]) -> tuple[str, str]:
    """The token and the count that a failed resource concerns; empty for one that concerns neither.

    A renewal is the update of a Token in place; a check that fails says nothing of what it would have done.
    """
    kind = type_.partition(_OURS)[2].rpartition(":")[2] if _OURS in type_ else ""
    if kind in _MINTED:
        token = name.removesuffix("-token" if kind == "Token" else "-pair")
        made = step.startswith(_MADE) or (kind == "TokenPair" and step)
        return token, "mint_failures" if made else "renewal_failures" if step else ""
    if _OURS in type_ or type_.startswith(_ENGINES):
        return "", ""
    return _owner(name, tokens), "publication_failures"


def _owner(name: str, tokens: set[str]) -> str:
    """Whose publication a resource is: its name begins with that of its token."""
    known = [token for token in tokens if name.startswith(f"{token}-")]
    if known:
        return max(known, key=len)
    match = _PLACE.match(name)
    return match["token"] if match else ""
