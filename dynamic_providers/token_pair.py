"""The pair: the current and the last published previous value, and every generation that is not yet known dead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import lease_notes, taking
from dynamic_providers.dependencies import uid_of
from dynamic_providers.lease_notes import Note
from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, is_unknown, verb
from rotation import lifecycle
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import ClusterError, InvalidSettings, StateIsOlder
from rotation.model import Generation, bears_mark, is_newer, stored_policy
from rotation.reasons import TAKEN, Action, Decision, Reason

GIVEN = (
    "token",
    "owner",
    "backend",
    "policy",
    "was",
    "places",
    "generation",
    "reason",
    "value",
    "handle",
    "created",
    "granted_until",
    "fingerprint",
    "emergency",
)
ACTS = ("auto_renew", "auto_rotate")
_UNTOLD: Props = {**dict.fromkeys(ACTS, True), "failing": False, "owning": {}, "owners": []}
"""What a state of an older release does not tell."""
INPUTS = (*GIVEN, "retired", "drift", *_UNTOLD)
COMPARED = (*GIVEN, "retired", *_UNTOLD)
_FAILING = frozenset({Reason.EXPIRED, Reason.ROTATION_OVERDUE, Reason.PREVIOUS_UNPUBLISHED, Reason.REJECTED_BY_BACKEND})
"""Conditions with which a token's places say that its rotation failed."""
OUTPUTS = ("expires", "previous", "previous_generation", "previous_valid_until", "superseded", "repairs")
_NO_PREVIOUS = {"previous": "", "previous_generation": "", "previous_valid_until": ""}


class TokenPairProvider(Provider):
    """Updated in place: its outputs are what publications show and what the ledger is built from."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        receipt = run.receipt(news["token"], news["was"])
        retired = list(receipt.retired) if receipt else olds.get("retired") or []
        found = {"retired": retired, "drift": _drift(run, olds, news), **_acts(run, olds, news)}
        found |= {"owning": news.get("owning") or {}, "owners": _owners(run, olds, news)}
        found["failing"] = not _FAILING.isdisjoint(map(Reason, run.conditions(news["token"])))
        return CheckResult({**news, **found}, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if news["token"] in run.older:
            return DiffResult(changes=False)  # or it would publish an older generation again
        overdue = not is_unknown(news["policy"]) and _previous_is_overdue(run, olds)
        return DiffResult(changes=overdue or bool(news["drift"]) or changed({**_UNTOLD, **olds}, news, COMPARED))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        _refuse_without_owner(props)
        outputs: Props = {"expires": _confirmed_end(run, props), **_NO_PREVIOUS, "repairs": 0}
        outputs["superseded"] = _noted(run, props, [])
        return CreateResult(f"{props['owner']}_{props['token']}", {**inputs_of(props, INPUTS), **outputs})

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        _refuse_without_owner(news)
        outputs = inputs_of(olds, OUTPUTS)
        if (news["generation"], news["fingerprint"]) != (olds["generation"], olds["fingerprint"]):
            outputs |= _succeed(run, olds, news)
        elif news["granted_until"] != olds["granted_until"]:
            outputs["expires"] = news["granted_until"]  # it was renewed
        outputs["repairs"] = int(outputs["repairs"] or 0) + bool(news["drift"])
        return UpdateResult({**inputs_of(news, INPUTS), **_without_retired(run, outputs, olds, news)})

    @verb
    def read(self, run: Run, id_: str, props: Props) -> ReadResult:
        """Refuse a refresh of a restored state: it would publish an older generation again."""
        receipt = run.receipt(props["token"], props.get("was") or ())
        known = {item["generation"] for item in props["superseded"]}
        if receipt and receipt.generation not in known and is_newer(receipt.generation, props["generation"]):
            cause = f"the state holds {props['generation']}, but {receipt.generation} was published"
            raise StateIsOlder("refresh", cause, "Restore the newer state, or run without --refresh.")
        return ReadResult(id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Revoke every generation that it holds, except the credential in use, which the guard revokes last."""
        backend = run.backend(props["backend"])
        held = [(props["generation"], props["handle"])]
        held += [(item["generation"], item["handle"]) for item in props["superseded"]]
        for generation, handle in held:
            if not backend.holds(handle):
                lifecycle.end_now(backend, generation, handle)
            elif backend.capabilities.lists and not bears_mark(handle, props["owner"]):
                _tell_left(run, props["token"], handle)


def _acts(run: Run, olds: Props, news: Props) -> dict[str, bool]:
    """What people pause at the token's places, to be written there again: no publication undoes a person's word."""
    seen = [placed for place in news.get("places") or () if (placed := run.placed(place))]
    if not seen:
        return {act: olds.get(act) is not False for act in ACTS}
    return {act: all(getattr(placed, act) for placed in seen) for act in ACTS}


def _owners(run: Run, olds: Props, news: Props) -> list[Props]:
    """What the token's Secrets are to say of their owner; what was said before while the cluster does not answer."""
    wanted = news.get("owning")
    if not wanted:
        return []
    try:
        uid = uid_of(run, wanted["path"])
    except ClusterError:  # away, or not ours to read: what was said before stands
        return list(olds.get("owners") or [])
    return [{**wanted["reference"], "uid": uid, "controller": False, "blockOwnerDeletion": False}] if uid else []


def _refuse_without_owner(news: Props) -> None:
    """A Secret that is owned by nothing that is there would be deleted at once. The mint was a lease, and dies."""
    if news.get("owning") and not news["owners"]:
        cause = f"its owner {news['owning']['path']} is not there"
        raise InvalidSettings("publish", cause, "Create it, or take `owner` out of `token-rotation:operator`.")


def _tell_left(run: Run, token: str, handle: str) -> None:
    """The guard finds its last generation by our mark, and an adopted one has none."""
    message = f"the credential in use, {handle}, was adopted and lives on; revoke it by hand"
    run.tell(token, Decision(Action.KEEP, Reason.REVOCATION_FAILED, message))


def _drift(run: Run, olds: Props, news: Props) -> list[str]:
    """The places to be written again because another value stands there; none where this run publishes anyway.

    There is no generation where the mint failed: with `--continue-on-error` the engine asks, and then skips the pair.
    """
    generation = news.get("generation")
    if not olds or is_unknown(generation) or generation != olds["generation"]:
        return []
    found = sorted(taking.drifted(run, news["token"], news["was"], olds.get("places") or []))
    for place in found:
        message = f"another value was put at {place}; what was published is written there again"
        run.tell(news["token"], Decision(Action.REPAIR, Reason.DRIFT_FOUND, message))
    return found


def _confirmed_end(run: Run, news: Props) -> str:
    backend = run.backend(news["backend"])
    if not backend.capabilities.leases or news["reason"] in TAKEN:  # what was taken has its full life already
        return str(news["granted_until"])
    generation = Generation(news["generation"], news["handle"], from_rfc3339(news["created"]))
    if not backend.capabilities.lists:
        lease_notes.write(run, news["token"], Note(news["backend"], generation.id, generation.handle))
    return to_rfc3339(lifecycle.confirm(backend, generation, stored_policy(news["policy"])))


def _succeed(run: Run, olds: Props, news: Props) -> Props:
    """A new generation: confirm it; the one before becomes superseded and, if consumers had it, previous."""
    outputs: Props = {"expires": _confirmed_end(run, news)}
    superseded = [*olds["superseded"], {"generation": olds["generation"], "handle": olds["handle"]}]
    superseded = [item for item in superseded if item["generation"] != news["generation"]]  # it is current again
    outputs["superseded"] = _noted(run, news, superseded)
    if news["emergency"] != olds["emergency"] and news["emergency"]:
        return outputs | _NO_PREVIOUS
    return outputs | _previous(run, olds, news)


def _noted(run: Run, news: Props, superseded: list[Props]) -> list[Props]:
    """The superseded generations, with those that a killed run may have confirmed before it could record them."""
    known = {news["handle"], *(item["handle"] for item in superseded)}
    notes = [note for note in lease_notes.read(run, news["token"]) if note.handle not in known]
    return [*superseded, *({"generation": note.generation, "handle": note.handle} for note in notes)]


def _previous(run: Run, olds: Props, news: Props) -> Props:
    """The value that consumers were last given and how long they may rely on it; none when it is known dead."""
    receipt = run.receipt(news["token"], news["was"])
    if receipt is None or receipt.generation == olds["generation"]:
        value, generation, handle = olds["value"], olds["generation"], olds["handle"]
    else:
        value, generation = olds["previous"], olds["previous_generation"]
        handle = next((item["handle"] for item in olds["superseded"] if item["generation"] == generation), "")
    if not value or not handle:
        return _NO_PREVIOUS  # a restored state does not know what consumers were given
    valid_until = _valid_until(run, olds, handle, run.clock() + stored_policy(news["policy"]).overlap)
    if valid_until is None:
        return _NO_PREVIOUS
    return {"previous": value, "previous_generation": generation, "previous_valid_until": to_rfc3339(valid_until)}


def _valid_until(run: Run, olds: Props, handle: str, overlap_ends: datetime) -> datetime | None:
    """The end of the overlap, or the backend's end where that is sooner; None when the generation is dead."""
    inventory = run.found(olds["backend"], olds["owner"], handle)
    if inventory.unreachable:
        return overlap_ends
    found = inventory.alive.get(handle)
    if found is None:
        return None
    return min(overlap_ends, found.expires or overlap_ends)


def _without_retired(run: Run, outputs: Props, olds: Props, news: Props) -> Props:
    """Forget what the receipt tells to be dead; show no previous value that is dead or should long be."""
    retired = set(news["retired"])
    outputs["superseded"] = [item for item in outputs["superseded"] if item["generation"] not in retired]
    stale = outputs["previous_generation"] == olds["previous_generation"] and _previous_is_overdue(run, olds)
    if outputs["previous_generation"] in retired or (stale and news["generation"] == olds["generation"]):
        outputs |= _NO_PREVIOUS
    return outputs


def _previous_is_overdue(run: Run, olds: Props) -> bool:
    """Without a receipt that tells of its end, a previous value is shown for its overlap and a tolerated outage.

    The overlap begins when consumers were given its successor, which a receipt tells better than the pair.
    """
    if not olds.get("previous_valid_until"):
        return False
    policy, receipt = stored_policy(olds["policy"]), run.receipt(olds["token"], olds.get("was") or ())
    ends = from_rfc3339(olds["previous_valid_until"])
    if receipt is not None:
        if receipt.generation != olds["generation"]:
            return False
        ends = max(ends, receipt.published_at + policy.overlap)
    return run.now > ends + policy.tolerated_outage


class TokenPair(Resource, module="token-rotation", name="TokenPair"):
    """Current and previous, together; protected, because losing it would be an outage."""

    generation: pulumi.Output[str]
    reason: pulumi.Output[str]
    value: pulumi.Output[str]
    created: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    emergency: pulumi.Output[str]
    expires: pulumi.Output[str]
    previous: pulumi.Output[str]
    previous_generation: pulumi.Output[str]
    previous_valid_until: pulumi.Output[str]
    superseded: pulumi.Output[list[Any]]
    repairs: pulumi.Output[int | None]
    auto_renew: pulumi.Output[bool]
    auto_rotate: pulumi.Output[bool]
    failing: pulumi.Output[bool]
    owners: pulumi.Output[list[Any]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        own = pulumi.ResourceOptions(additional_secret_outputs=["value", "previous"])
        absent = dict.fromkeys(("retired", *_UNTOLD, *OUTPUTS))
        super().__init__(TokenPairProvider(), name, {**absent, **props}, pulumi.ResourceOptions.merge(opts, own))
