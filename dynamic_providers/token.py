"""The mint: one generation of a token. Replaced when a rotation is due, updated in place when it is renewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers.state import Inventory, Planned, Run
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, verb
from rotation import lifecycle
from rotation.backends.protocol import Order
from rotation.checks import History, Published
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import InvalidSettings, Unauthorised
from rotation.model import Policy, bears_mark, fingerprint, minted_at, new_generation_id, token_of
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason

GIVEN = ("token", "owner", "backend", "spec", "policy", "force", "emergency", "probe", "was", "places")
DECIDED = ("generation", "reason", "renewal")
INPUTS = (*GIVEN, *DECIDED)
ROUNDING = timedelta(seconds=2)
"""An end told by a look-up and one computed from a granted life differ by so much and are the same."""


class TokenProvider(Provider):
    """Decides in `check` what inputs and the run's record tell, and in `diff` what only outputs tell."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        if not olds.get("generation"):
            return CheckResult({**news, **_first(run, news)}, [])
        _refuse_another_backend(olds, news)
        token, policy = news["token"], Policy.model_validate(news["policy"])
        history = _history(run, olds, news)
        run.checked.add(token)
        decision = decide(policy, history, run.now)
        _tell(run, token, decision)
        if decision.reason is Reason.STATE_IS_OLDER:
            run.older.add(token)
        if decision.action is Action.DEFER:
            return CheckResult(inputs_of(olds, INPUTS), [])  # nothing is taken over, or a nonce would be used up
        kept = inputs_of(olds, DECIDED)
        if decision.action is Action.ROTATE:
            kept |= _plan(run, news, decision)
        if decision.action is Action.RENEW and history.expires is not None:
            kept["renewal"] = to_rfc3339(history.expires)
        return CheckResult({**news, **kept}, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if news["generation"] != olds["generation"]:
            return DiffResult(changes=True, replaces=["generation"])
        decision = _decide_by_outputs(run, olds, news)
        if decision is not None and decision.action in {Action.ROTATE, Action.DEFER}:
            _tell(run, news["token"], decision)
            if decision.action is Action.ROTATE:
                _plan(run, news, decision)
                return DiffResult(changes=True, replaces=["generation"])
        return DiffResult(changes=changed(olds, news, INPUTS))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        policy = Policy.model_validate(props["policy"])
        order = Order(
            id=props["generation"],
            owner=props["owner"],
            token=props["token"],
            spec=props["spec"],
            lifetime=policy.lifetime,
            now=run.now,
        )
        minted = lifecycle.mint(run.ready_backend(props["backend"]), order, policy)
        run.scrubber.remember(minted.value)
        assert minted.expires is not None, "every backend tells an end, its own or ours"
        outputs = {
            "value": minted.value,
            "handle": minted.handle,
            "created": to_rfc3339(minted.created),
            "granted_until": to_rfc3339(minted.expires),
            "fingerprint": fingerprint(minted.value),
        }
        return CreateResult(props["generation"], {**inputs_of(props, INPUTS), **outputs})

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        outputs = {**olds, **inputs_of(news, INPUTS)}
        if news["renewal"] and news["renewal"] != olds["renewal"]:
            lifetime = Policy.model_validate(news["policy"]).lifetime
            granted = run.backend(news["backend"]).renew(olds["handle"], lifetime)
            outputs["granted_until"] = to_rfc3339(granted)
            _tell_gain(run, news, granted)
        return UpdateResult(outputs)

    @verb
    def read(self, run: Run, id_: str, props: Props) -> ReadResult:
        inventory = run.inventory(props["backend"], props["owner"], [props["handle"]])
        gone = not inventory.unreachable and props["handle"] not in inventory.alive
        return ReadResult("" if gone else id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Nothing: the pair and the guard revoke. The engine's own deletion would end the overlap."""


def _refuse_another_backend(olds: Props, news: Props) -> None:
    """The old generations could not be ended where nobody knows them, and "unknown" is a success to a revocation."""
    if olds["backend"] == news["backend"]:
        return
    cause = f"its generations live at {olds['backend']}, and {news['backend']} cannot end them"
    remedy = "Declare a token of another name there, move its consumers, then decommission this one."
    raise InvalidSettings("change the backend of", cause, remedy)


def _refuse_anothers_place(run: Run, news: Props) -> None:
    """A new token finds another one's generation at its place: most likely it was renamed without saying so."""
    found = run.newest_seen(news["token"], news["was"], news["places"])
    if not bears_mark(found, news["owner"]) or token_of(found) == news["token"]:
        return
    cause = f"one of its places ({', '.join(news['places'])}) holds a generation of {token_of(found)}"
    remedy = f"If it was renamed, add `was: [{token_of(found)}]`; otherwise publish it elsewhere."
    raise InvalidSettings("begin", cause, remedy)


def _first(run: Run, news: Props) -> Props:
    """The decided inputs when the engine knows no old ones: take what was planned, or begin."""
    token = news["token"]
    run.older.discard(token)
    planned = run.planned.pop(token, None)
    if planned is not None:
        return {"generation": planned.generation, "reason": str(planned.reason), "renewal": ""}
    if token in run.checked:
        decision = Decision(Action.ROTATE, Reason.FORCED_BY_OPERATOR, "the engine was asked to replace it")
    elif run.receipt(token, news["was"]) is not None:
        decision = Decision(Action.ROTATE, Reason.MISSING_AT_BACKEND, "it was published before, but the state has none")
    else:
        _refuse_anothers_place(run, news)
        decision = decide(Policy.model_validate(news["policy"]), None, run.now)
    decided = _plan(run, news, decision)
    del run.planned[token]
    _tell(run, token, decision)
    return decided


def _plan(run: Run, news: Props, decision: Decision) -> Props:
    generation = new_generation_id(news["owner"], news["token"], run.now)
    run.planned[news["token"]] = Planned(generation, decision.reason)
    return {"generation": generation, "reason": str(decision.reason), "renewal": ""}


def _history(run: Run, olds: Props, news: Props) -> History:
    """What inputs and the run's record tell of the current generation."""
    token, was, generation = news["token"], news["was"], olds["generation"]
    receipt = run.receipt(token, was)
    published = Published(receipt.generation, receipt.expires) if receipt else None
    backend = run.backend(olds["backend"])
    history = History(
        generation=generation,
        created=minted_at(generation),
        expires=receipt.expires if receipt and receipt.generation == generation else None,
        published=published,
        newest_seen=run.newest_seen(token, was, olds["places"]),
        superseded=len(receipt.superseded) if receipt else 0,
        spec_changed=olds["spec"] != news["spec"],
        forced=bool(news["force"]) and news["force"] != olds["force"],
        emergency=bool(news["emergency"]) and news["emergency"] != olds["emergency"],
        renewable=backend.capabilities.renews,
        cap=minted_at(generation) + backend.capabilities.cap if backend.capabilities.cap else None,
        renewed_end=from_rfc3339(olds["renewal"]) if olds["renewal"] else None,
    )
    if not backend.capabilities.lists:
        return history
    inventory = run.inventory(olds["backend"], olds["owner"])
    found = inventory.alive.get(generation)  # a backend that lists has our id as its handle
    others = sum(token_of(handle) in (token, *was) for handle in inventory.alive if handle != generation)
    return replace(
        history,
        superseded=max(history.superseded, others),  # a receipt does not tell of what was never published
        expires=history.expires or (found.expires if found else None),
        unreachable=inventory.unreachable,
        missing=not inventory.unreachable and found is None,
    )


def _decide_by_outputs(run: Run, olds: Props, news: Props) -> Decision | None:
    """Judge again with what only outputs tell: a handle to look up, a value to probe. None: there is nothing more."""
    backend = run.backend(olds["backend"])
    probes = news["probe"] == "always"
    if backend.capabilities.lists and not probes:
        return None
    history = _history(run, olds, news)
    if not backend.capabilities.lists:
        history = _looked_up(history, olds, run.inventory(olds["backend"], olds["owner"], [olds["handle"]]))
    if probes and not history.unreachable and not history.missing:
        history = replace(history, rejected=_is_rejected(run, olds))
    return decide(Policy.model_validate(news["policy"]), history, run.now)


def _looked_up(history: History, olds: Mapping[str, Any], inventory: Inventory) -> History:
    """The look-up tells whether it lives. Its end counts once it is published: until then it is a lease."""
    found = inventory.alive.get(olds["handle"])
    if found is None:
        return replace(history, unreachable=inventory.unreachable, missing=not inventory.unreachable)
    published = history.published is not None and history.published.generation == history.generation
    moved = not history.expires or not found.expires or abs(found.expires - history.expires) > ROUNDING
    return replace(history, expires=found.expires if published and moved else history.expires)


def _is_rejected(run: Run, olds: Props) -> bool:
    try:
        run.backend(olds["backend"]).probe(olds["value"])
    except Unauthorised:
        return True
    return False


def _tell_gain(run: Run, news: Props, granted: datetime) -> None:
    if granted > from_rfc3339(news["renewal"]) + ROUNDING:
        return
    message = f"it was renewed, but the backend leaves its end at {to_rfc3339(granted)}"
    run.tell(news["token"], Decision(Action.KEEP, Reason.RENEWAL_GAINS_NOTHING, message))


def _tell(run: Run, token: str, decision: Decision) -> None:
    if decision.reason is not Reason.NOTHING_DUE:
        run.tell(token, decision)


class Token(Resource, module="token-rotation", name="Token"):
    """One generation of a token. `retain_on_delete` keeps the engine's replacement from ending the overlap."""

    generation: pulumi.Output[str]
    reason: pulumi.Output[str]
    value: pulumi.Output[str]
    handle: pulumi.Output[str]
    created: pulumi.Output[str]
    granted_until: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    emergency: pulumi.Output[str]

    OUTPUTS: ClassVar[tuple[str, ...]] = ("value", "handle", "created", "granted_until", "fingerprint")

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        own = pulumi.ResourceOptions(retain_on_delete=True, additional_secret_outputs=["value"])
        absent = dict.fromkeys((*DECIDED, *self.OUTPUTS))
        super().__init__(TokenProvider(), name, {**absent, **props}, pulumi.ResourceOptions.merge(opts, own))
