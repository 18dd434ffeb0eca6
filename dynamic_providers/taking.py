"""Values that exist already: found at a place, recognised by their backend, and taken instead of minting another.

A rollback takes the previous value back; an adoption takes what somebody put into a target by hand. Both are a
replacement of `Token` whose act is not a mint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from dynamic_providers.cluster import CURRENT_KEY, PREVIOUS_KEY
from dynamic_providers.state import Planned, Run
from dynamic_providers.verbs import Props
from rotation.clock import to_rfc3339
from rotation.errors import BackendError, InvalidSettings, RateLimited, Refused, Unauthorised, Unavailable
from rotation.model import Generation, bears_mark, fingerprint, minted_at, new_generation_id, stored_policy, token_of
from rotation.reasons import Action, Decision, Reason
from rotation.receipt import secret_target


@dataclass(frozen=True)
class Taken:
    """Where a value is and what it must be; stored among the inputs of `Token`, without the value.

    place, key:  the Secret that holds it
    fingerprint: tells whether it is still the same when it is taken
    handle:      the backend's name for it
    """

    place: str
    key: str
    fingerprint: str
    handle: str


@dataclass(frozen=True)
class Candidate:
    """A value that can be taken, and the generation that it is to us."""

    generation: str
    taken: Taken


def fallback(run: Run, olds: Props, news: Props) -> Candidate | None:
    """The previous generation, if it is inside its overlap and its backend still takes it."""
    receipt = run.receipt(news["token"], news["was"])
    if receipt is None or receipt.generation != olds["generation"]:
        return None
    living = {item.generation for item in receipt.superseded if item.deadline > run.now}
    for place in olds["places"]:
        placed = run.placed(place)
        if placed and placed.previous_generation in living:
            found = _recognised(run, news, place, PREVIOUS_KEY, placed.previous_generation)
            if found:
                return Candidate(placed.previous_generation, found[1])
    return None


def placed_by_hand(run: Run, olds: Props, news: Props, *, recorded_is_dead: bool) -> Candidate | None:
    """A value that somebody put into a target, if it may be adopted and its backend takes it as the same owner's."""
    for place in drifted(run, news["token"], news["was"], olds["places"]):
        if recorded_is_dead or place in news["adopt"]:
            candidate = _adoptable(run, news, place)
            if candidate and candidate.generation != olds["generation"]:
                return candidate
    return None


def first_adoption(run: Run, news: Props) -> Candidate | None:
    """What a new token takes over. Raises InvalidSettings where it is somebody else's or looked after by somebody."""
    for place in news["adopt"]:
        refuse_a_manager(run, news, place)
        candidate = _adoptable(run, news, place, refuse=True)
        if candidate:
            return candidate
    return None


def drifted(run: Run, token: str, was: list[str], places: list[str]) -> Iterator[str]:
    """The places at which another value stands than was last published there."""
    receipt = run.receipt(token, was)
    for place in places:
        placed = run.placed(place)
        if receipt and placed and placed.by_hand and fingerprint(run.value_at(place)) != receipt.fingerprint:
            yield place


def refuse_a_manager(run: Run, news: Props, place: str) -> None:
    """A token whose lifecycle somebody else manages is not ours to rotate, unless the take-over is asked for."""
    placed = run.placed(place)
    if placed is None or placed.manager in ("", news.get("owned_by")) or place in news["take_over"]:
        return
    cause = f"the lifecycle of the Secret {place} is managed by {placed.manager}"
    remedy = f"Let {placed.manager} let go of it, or ask for the take-over: `takeOver: true` beside its `adopt`."
    raise InvalidSettings("adopt", cause, remedy)


def refuse_anothers_secret(run: Run, news: Props, published: tuple[str, ...]) -> None:
    """Before anything is minted: a Secret that exists and is not ours is neither overwritten nor waited for."""
    for place in news["places"]:
        placed = run.placed(place)
        if placed is None or place in news["adopt"] or secret_target(place) in published:
            continue
        if placed.placeholder == news["owner"] or bears_mark(placed.generation, news["owner"]):
            continue
        cause = f"the Secret {place} exists and is not ours"
        remedy = "Mark the place `adopt: true` to take its token over, publish elsewhere, or delete it."
        raise InvalidSettings("publish", cause, remedy)


def plan(run: Run, olds: Props, news: Props, decision: Decision, candidate: Candidate) -> Props:
    """Remember a decided taking for the second `check`, and show it among the inputs."""
    planned = Planned(candidate.generation, decision.reason, olds.get("generation") or "", asdict(candidate.taken))
    run.planned[news["token"]] = planned
    return planned_inputs(planned)


def planned_inputs(planned: Planned) -> Props:
    """The decided inputs of a replacement."""
    return {
        "generation": planned.generation,
        "reason": str(planned.reason),
        "renewal": "",
        "supplants": planned.supplants,
        "taken": dict(planned.taken),
    }


def take(run: Run, props: Props) -> Props:
    """Prove the value once more and take it: the outputs that a mint would have had.

    Raises InvalidSettings when another value stands there than the one that was decided on, BackendError when it does
    not work.
    """
    taken = Taken(**props["taken"])
    value = run.value_at(taken.place, taken.key)
    if fingerprint(value) != taken.fingerprint:
        cause = f"the value at {taken.place} ({taken.key}) has changed since it was judged"
        raise InvalidSettings("take", cause, "Run again.")
    found = run.ready_backend(props["backend"]).recognise(value, props["spec"], taken.handle)
    created = minted_at(props["generation"])
    lifetime = stored_policy(props["policy"]).lifetime
    return {
        "value": value,
        "handle": found.handle,
        "created": to_rfc3339(created),
        "granted_until": to_rfc3339(found.expires or created + lifetime),
        "fingerprint": taken.fingerprint,
    }


def _adoptable(run: Run, news: Props, place: str, *, refuse: bool = False) -> Candidate | None:
    found = _recognised(run, news, place, CURRENT_KEY, refuse=refuse)
    if found is None:
        return None
    generation, taken = found
    ours = bears_mark(generation.id, news["owner"]) and token_of(generation.id) == news["token"]
    id_ = generation.id if ours else new_generation_id(news["owner"], news["token"], generation.created)
    return Candidate(id_, taken)


def _recognised(
    run: Run, news: Props, place: str, key: str, handle: str = "", *, refuse: bool = False
) -> tuple[Generation, Taken] | None:
    value = run.value_at(place, key)
    if not value:
        return None
    try:
        found = run.ready_backend(news["backend"]).recognise(value, news["spec"], handle)
    except Refused as error:
        if refuse:
            raise InvalidSettings("adopt", f"the value at {place}: {error.cause}", error.remedy) from None
        _tell_not_taken(run, news, place, error)
        return None
    except (RateLimited, Unavailable) as error:
        if refuse:
            raise  # minting another because nobody answered would not be an adoption
        _tell_not_taken(run, news, place, error)
        return None
    except Unauthorised as error:
        _tell_not_taken(run, news, place, error)
        return None
    return found, Taken(place, key, fingerprint(value), found.handle)


def _tell_not_taken(run: Run, news: Props, place: str, error: BackendError) -> None:
    message = f"the value at {place} is not taken: {error.cause}"
    run.tell(news["token"], Decision(Action.KEEP, Reason.DRIFT_FOUND, message))
