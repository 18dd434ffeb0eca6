"""The mint: one generation of a token. Replaced when a rotation is due, updated in place when it is renewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import beginnings, entrance, taking
from dynamic_providers.judging import (
    REPLACES,
    ROUNDING,
    TAKES,
    decide_by_outputs,
    history_of,
    note,
    weighed,
)
from dynamic_providers.state import Planned, Run
from dynamic_providers.taking import Candidate
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, verb
from rotation import lifecycle
from rotation.backends.protocol import Order
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import (
    InvalidSettings,
)
from rotation.model import fingerprint, is_newer, new_generation_id, stored_policy
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason

GIVEN = (
    "token",
    "owner",
    "backend",
    "spec",
    "policy",
    "force",
    "emergency",
    "rollback",
    "paused",
    "probe",
    "was",
    "places",
    "adopt",
    "take_over",
    "dependencies",
    "interval",
    "owned_by",
)
ASKS = ("spec", "force", "emergency", "rollback")
DECIDED = ("generation", "reason", "renewal", "supplants", "taken")
INPUTS = (*GIVEN, *DECIDED)
COMPARED = tuple(name for name in INPUTS if name != "interval")  # it decides what is said, not what the token is
_UNTOLD: Props = {"dependencies": {}, "owned_by": ""}
"""What a state of an older release does not tell."""


class TokenProvider(Provider):
    """Decides in `check` what inputs and the run's record tell, and in `diff` what only outputs tell."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        if not olds.get("generation"):
            return CheckResult({**news, **_first(run, news)}, [])
        _refuse_another_backend(olds, news)
        token, policy = news["token"], stored_policy(news["policy"])
        beginnings.refuse_secrets_of_others(run, news)
        history, candidate = weighed(run, olds, news, history_of(run, olds, news))
        run.checked.add(token)
        decision = decide(policy, history, run.now)
        _tell(run, token, decision)
        note(run, news, policy, history, decision)
        if decision.reason is Reason.BOOTSTRAP_NEEDED:
            entrance.tell(run, token, news["backend"])
        if decision.action not in REPLACES and is_newer(history.newest_seen, history.generation):
            run.older.add(token)  # also where a rotation is due by now and something holds it
        if decision.action is Action.DEFER:
            # nothing is taken over, or a nonce would be used up
            return CheckResult(inputs_of({**_UNTOLD, **olds}, INPUTS), [])
        kept = inputs_of(olds, DECIDED)
        if decision.action in REPLACES:
            kept |= _plan(run, olds, news, decision, candidate)
        if decision.action is Action.RENEW and history.expires is not None:
            kept |= {
                **inputs_of(olds, ASKS),
                "renewal": to_rfc3339(history.expires),
            }  # a rotation may be held meanwhile
        return CheckResult({**news, **kept}, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if news["generation"] != olds["generation"]:
            return DiffResult(changes=True, replaces=["generation"])
        decision, candidate = decide_by_outputs(run, olds, news)
        if decision is not None and decision.action in {*REPLACES, Action.DEFER}:
            _tell(run, news["token"], decision)
            if decision.action in REPLACES:
                _plan(run, olds, news, decision, candidate)
                return DiffResult(changes=True, replaces=["generation"])
        return DiffResult(changes=changed({**_UNTOLD, **olds}, news, COMPARED))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        made = taking.take(run, props) if props.get("taken") else _mint(run, props)
        return CreateResult(props["generation"], {**inputs_of(props, INPUTS), **made})

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        outputs = {**olds, **inputs_of(news, INPUTS)}
        if news["renewal"] and news["renewal"] != olds["renewal"]:
            lifetime = stored_policy(news["policy"]).lifetime
            granted = run.backend(news["backend"]).renew(olds["handle"], lifetime)
            outputs["granted_until"] = to_rfc3339(granted)
            _tell_gain(run, news, granted)
        return UpdateResult(outputs)

    @verb
    def read(self, run: Run, id_: str, props: Props) -> ReadResult:
        inventory = run.found(props["backend"], props["owner"], props["handle"])
        gone = not inventory.unreachable and props["handle"] not in inventory.alive
        return ReadResult("" if gone else id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Nothing: the pair and the guard revoke. The engine's own deletion would end the overlap."""


def _mint(run: Run, props: Props) -> Props:
    if props["token"] in run.held:
        beginnings.raise_held(run, props, run.held[props["token"]])
    entrance.enter(run, props["backend"])
    policy = stored_policy(props["policy"])
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
    return {
        "value": minted.value,
        "handle": minted.handle,
        "created": to_rfc3339(minted.created),
        "granted_until": to_rfc3339(minted.expires),
        "fingerprint": fingerprint(minted.value),
    }


def _refuse_another_backend(olds: Props, news: Props) -> None:
    """The old generations could not be ended where nobody knows them, and "unknown" is a success to a revocation."""
    if olds["backend"] == news["backend"]:
        return
    cause = f"its generations live at {olds['backend']}, and {news['backend']} cannot end them"
    remedy = "Declare a token of another name there, move its consumers, then decommission this one."
    raise InvalidSettings("change the backend of", cause, remedy)


def _first(run: Run, news: Props) -> Props:
    """The decided inputs when the engine knows no old ones: take what was planned, or begin."""
    token = news["token"]
    run.older.discard(token)
    planned = run.planned.pop(token, None)
    if planned is not None:
        return taking.planned_inputs(planned)
    decision, candidate = beginnings.beginning(run, news)
    if decision.reason in beginnings.HELD:
        run.held[token] = decision  # the create raises it: an error here would end the run for every token
    elif decision.action is Action.DEFER:
        of_team = run.kind(news["backend"]) == "operator"
        otherwise = "take its team out of `operator.revoked`" if of_team else "let it adopt a token that exists"
        remedy = f"Set `paused: false`, or {otherwise}."
        raise InvalidSettings("begin", decision.message, remedy)
    decided = _plan(run, {}, news, decision, candidate)
    del run.planned[token]
    _tell(run, token, decision)
    return decided


def _plan(run: Run, olds: Props, news: Props, decision: Decision, candidate: Candidate | None) -> Props:
    if candidate is not None and decision.action in TAKES:
        return taking.plan(run, olds, news, decision, candidate)
    planned = Planned(new_generation_id(news["owner"], news["token"], run.now), decision.reason)
    run.planned[news["token"]] = planned
    return taking.planned_inputs(planned)


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
