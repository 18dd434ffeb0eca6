"""What a token begins with that the engine does not know yet: a mint, a taking, or a wait for what is lacking."""

from __future__ import annotations

from typing import NoReturn

from dynamic_providers import dependencies, entrance, placeholder, taking
from dynamic_providers.state import Run
from dynamic_providers.taking import Candidate
from dynamic_providers.verbs import Props
from rotation.errors import BootstrapNeeded, InvalidSettings, RateLimited, Unavailable, WaitingForDependency
from rotation.model import bears_mark, stored_policy, token_of
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason

HELD = frozenset({Reason.WAITING_FOR_DEPENDENCY, Reason.BOOTSTRAP_NEEDED, Reason.BACKEND_UNREACHABLE})
"""What the create raises: an error in a check would end the run for every token."""


def beginning(run: Run, news: Props) -> tuple[Decision, Candidate | None]:
    """What a token begins with; what would be minted waits for what it depends on."""
    decision, candidate = _of_its_own(run, news)
    shut = entrance.lacking(run, news["backend"])
    if shut:
        entrance.tell(run, news["token"], news["backend"])
        return Decision(Action.DEFER, Reason.BOOTSTRAP_NEEDED, shut), None
    lacking = dependencies.lacking(run, news.get("dependencies")) if decision.action is Action.ROTATE else ""
    if not lacking:
        return decision, candidate
    message = f"a mint is due ({decision.reason}), but {lacking}"
    return Decision(Action.DEFER, Reason.WAITING_FOR_DEPENDENCY, message), None


def _of_its_own(run: Run, news: Props) -> tuple[Decision, Candidate | None]:
    token = news["token"]
    if token in run.checked:
        return Decision(Action.ROTATE, Reason.FORCED_BY_OPERATOR, "the engine was asked to replace it"), None
    refuse_secrets_of_others(run, news)
    if run.receipt(token, news["was"]) is not None:
        message = "it was published before, but the state has none"
        return Decision(Action.ROTATE, Reason.MISSING_AT_BACKEND, message), None
    _refuse_anothers_place(run, news)
    try:
        candidate = None if entrance.is_shut(run, news["backend"]) else taking.first_adoption(run, news)
    except (RateLimited, Unavailable) as error:  # minting another because nobody answered would not be an adoption
        return Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, error.cause), None
    if candidate is not None:
        message = f"the token at {candidate.taken.place} works and is taken over as it is"
        return Decision(Action.ADOPT, Reason.ADOPTED, message), candidate
    return decide(stored_policy(news["policy"]), None, run.now, paused=bool(news["paused"])), None


def raise_held(run: Run, props: Props, decision: Decision) -> NoReturn:
    """A first mint that waits fails alone; what is told of it stands where people and alerts look."""
    if decision.reason is Reason.WAITING_FOR_DEPENDENCY:
        raise WaitingForDependency("mint", decision.message, "The next run tries again.")
    if decision.reason is Reason.BACKEND_UNREACHABLE:
        raise Unavailable("adopt", decision.message, "The next run tries again.", backend=props["backend"])
    entrance.leave_note(run, props["token"], props["backend"])
    placeholder.put(run, props)
    raise BootstrapNeeded("mint", decision.message, "The next run goes on from there.")


def refuse_secrets_of_others(run: Run, news: Props) -> None:
    """Raise InvalidSettings for a place that is somebody else's and that this token was never published to."""
    receipt = run.receipt(news["token"], news["was"])
    taking.refuse_anothers_secret(run, news, receipt.published if receipt else ())


def _refuse_anothers_place(run: Run, news: Props) -> None:
    """A new token finds another one's generation at its place: most likely it was renamed without saying so."""
    found = run.newest_seen(news["token"], news["was"], news["places"])
    if not bears_mark(found, news["owner"]) or token_of(found) == news["token"]:
        return
    cause = f"one of its places ({', '.join(news['places'])}) holds a generation of {token_of(found)}"
    remedy = f"If it was renamed, add `was: [{token_of(found)}]`; otherwise publish it elsewhere."
    raise InvalidSettings("begin", cause, remedy)
