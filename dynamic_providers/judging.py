"""What one run knows of a token, gathered for the policy: its history, what could be taken, what alerts must tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dynamic_providers import dependencies, entrance, taking
from dynamic_providers.inventory import Inventory
from dynamic_providers.state import Run
from dynamic_providers.taking import Candidate
from dynamic_providers.validated import is_suspect
from dynamic_providers.verbs import Props
from rotation.backends.protocol import Backend
from rotation.checks import History, Published
from rotation.clock import from_rfc3339
from rotation.durations import parse_duration
from rotation.errors import BackendError, Unauthorised
from rotation.health import health
from rotation.model import Policy, minted_at, stored_policy, token_of
from rotation.policy import decide
from rotation.reasons import ROLLED_BACK, Action, Decision, Reason
from rotation.receipt import secret_target

TAKES = frozenset({Action.ROLL_BACK, Action.ADOPT})
REPLACES = TAKES | {Action.ROTATE}
ROUNDING = timedelta(seconds=2)
"""An end told by a look-up and one computed from a granted life differ by so much and are the same."""


def weighed(run: Run, olds: Props, news: Props, history: History) -> tuple[History, Candidate | None]:
    """The history with what could be taken instead of minting, and what that is."""
    if entrance.is_shut(run, news["backend"]):
        return history, None  # nothing could be recognised
    dead = history.missing or history.rejected
    found = taking.placed_by_hand(run, olds, news, recorded_is_dead=dead)
    if found is not None:
        return replace(history, adoptable=found.taken.place), found
    found = taking.fallback(run, olds, news) if history.rollback or history.rejected else None
    return (replace(history, fallback=found.generation), found) if found else (history, None)


def note(run: Run, news: Props, policy: Policy, history: History, decision: Decision) -> None:
    """What alerts must tell of a token that this run leaves as it is."""
    told = news.get("interval")
    state = health(policy, history, run.now, parse_duration(told) if told else run.interval)
    if decision.action not in REPLACES and state.reason is not Reason.HEALTHY:
        run.note_condition(news["token"], state.reason)
    for place in news["places"]:
        _note_place(run, news, place)


def _note_place(run: Run, news: Props, place: str) -> None:
    placed, token = run.placed(place), news["token"]
    receipt = run.receipt(token, news["was"])
    if placed and placed.manager not in ("", news.get("owned_by")) and place not in news["take_over"]:
        message = f"{placed.manager} says that it manages the Secret {place}, too; let one of us go"
        run.tell(token, Decision(Action.KEEP, Reason.SECOND_WRITER, message))
        run.note_condition(token, Reason.SECOND_WRITER)
    if receipt and secret_target(place) in receipt.published and run.place_is_empty(place):
        message = f"the Secret {place} is gone; `pulumi up --refresh` makes it anew, and so does the scheduled run"
        run.tell(token, Decision(Action.REPAIR, Reason.PUBLICATION_MISSING, message))
        run.note_condition(token, Reason.PUBLICATION_MISSING)


def history_of(run: Run, olds: Props, news: Props) -> History:
    """What inputs and the run's record tell of the current generation."""
    token, was, generation = news["token"], news["was"], olds["generation"]
    receipt = run.receipt(token, was)
    published = Published(receipt.generation, receipt.expires) if receipt else None
    backend, aside = run.backend(olds["backend"]), olds.get("supplants") or ""
    comes_back = entrance.comes_back(run, token, was, olds["backend"])
    is_own = entrance.is_own(run, olds["backend"], news["places"])
    history = History(
        generation=generation,
        created=minted_at(generation),
        expires=receipt.expires if receipt and receipt.generation == generation else None,
        published=published,
        newest_seen=run.newest_seen(token, was, olds["places"], aside),
        superseded=len(receipt.superseded) if receipt else 0,
        spec_changed=olds["spec"] != news["spec"],
        forced=bool(news["force"]) and news["force"] != olds["force"],
        emergency=bool(news["emergency"]) and news["emergency"] != olds["emergency"],
        rollback=bool(news["rollback"]) and news["rollback"] != (olds.get("rollback") or ""),
        rolled_back=olds["reason"] in ROLLED_BACK,
        paused=bool(news["paused"]),
        slot=run.has_turn(token),
        renewable=backend.capabilities.renews,
        cap=minted_at(generation) + backend.capabilities.cap if backend.capabilities.cap else None,
        renewed_end=from_rfc3339(olds["renewal"]) if olds["renewal"] else None,
        bootstrap="" if comes_back else entrance.lacking(run, olds["backend"]),
        rejected=entrance.is_shut(run, olds["backend"]) and is_own and not comes_back,
        dependency=dependencies.lacking(run, news.get("dependencies")),
        unrotated=_paused_at(run, olds["places"], "auto_rotate"),
        unrenewed=_paused_at(run, olds["places"], "auto_renew"),
    )
    if not backend.capabilities.lists:
        return history
    handle = (olds.get("taken") or {}).get("handle") or generation  # a backend that lists has our id as its handle
    inventory = run.found(olds["backend"], olds["owner"], handle)
    found = inventory.alive.get(handle)
    is_lease = backend.capabilities.leases and history.expires is None  # until it is published; then its end counts
    listed = run.inventory(olds["backend"], olds["owner"]).alive
    others = sum(token_of(item) in (token, *was) for item in listed if item != generation)
    return replace(
        history,
        superseded=max(history.superseded, others),  # a receipt does not tell of what was never published
        expires=history.expires or (found.expires if found and not is_lease else None),
        unreachable=inventory.unreachable,
        missing=not inventory.unreachable and found is None,
    )


def _paused_at(run: Run, places: list[str], act: str) -> str:
    """The first of its places at which a person pauses an act; empty where none does."""
    return next((place for place in places if (placed := run.placed(place)) and not getattr(placed, act)), "")


def decide_by_outputs(run: Run, olds: Props, news: Props) -> tuple[Decision | None, Candidate | None]:
    """Judge again with what only outputs tell: a handle to look up, a value to probe. None: there is nothing more."""
    backend = run.backend(olds["backend"])
    probes = news["probe"] == "always" or is_suspect(run, news["token"], olds["generation"])
    if backend.capabilities.lists and not probes:
        return None, None
    history = history_of(run, olds, news)
    if not backend.capabilities.lists:
        history = _looked_up(history, olds, run.found(olds["backend"], olds["owner"], olds["handle"]))
    if probes and not history.unreachable and not history.missing:
        history = _probed(history, backend, olds["value"])
    history, candidate = weighed(run, olds, news, history)
    policy = stored_policy(news["policy"])
    decision = decide(policy, history, run.now)
    note(run, news, policy, history, decision)
    return decision, candidate


def _looked_up(history: History, olds: Mapping[str, Any], inventory: Inventory) -> History:
    """The look-up tells whether it lives. Its end counts once it is published: until then it is a lease."""
    found = inventory.alive.get(olds["handle"])
    if found is None:
        return replace(history, unreachable=inventory.unreachable, missing=not inventory.unreachable)
    published = history.published is not None and history.published.generation == history.generation
    moved = not history.expires or not found.expires or abs(found.expires - history.expires) > ROUNDING
    return replace(history, expires=found.expires if published and moved else history.expires)


def _probed(history: History, backend: Backend, value: str) -> History:
    """Only the backend's refusal tells that a value does not work; no answer is no answer."""
    try:
        backend.probe(value)
    except Unauthorised:
        return replace(history, rejected=True)
    except BackendError as error:
        return replace(history, unreachable=f"{error.act}: {error.cause}")
    return history
