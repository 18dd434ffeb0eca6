"""The ledger: gives each superseded generation its deadline, revokes it after that, and writes the token's receipt.

Where evidence is asked for, `check` judges it against what consumers were last given, as the receipt tells, so that dry
run and update see the same; the update ends what `check` let end, and what ends without evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import endings, entrance, lease_notes, placeholder
from dynamic_providers.state import Run
from dynamic_providers.token_pair import ACTS
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, is_unknown, verb
from rotation import lifecycle
from rotation.checks import History, planned_at
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import RotationError, StateIsOlder
from rotation.evidence import Judgement
from rotation.ledger import Ledger, Superseded
from rotation.model import Policy, is_newer, stored_policy
from rotation.reasons import TAKEN, Action, Decision, Reason
from rotation.receipt import Receipt, Waiting, secret_places

GIVEN = (
    "token",
    "owner",
    "backend",
    "policy",
    "was",
    "generation",
    "reason",
    "created",
    "expires",
    "fingerprint",
    "emergency",
    "superseded",
    "published",
    "evidence",
    *ACTS,
)
INPUTS = (*GIVEN, "ends_now", "conditions", "instructions")
COUNTS = ("rotations", "renewals", "revocation_failures")
"""Numbers that only grow, and outlive a lost receipt."""
OUTPUTS = ("entries", "retired", "rotates", "retires", "published_at", "failed", *COUNTS)
RETIRED_REMEMBERED = 16
"""Ids of dead generations that a receipt keeps; the pair needs the newest ones to let go of them."""
_UNTOLD: Props = {"evidence": {}, "conditions": [], "instructions": "", **dict.fromkeys(ACTS, True)}
"""What a state of an older release does not tell."""


class RetirementProvider(Provider):
    """The only one that sets a deadline, and the only one, but for a destroy, that revokes."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        """Show in the dry run what ends now, and what alerts will tell, as the receipt and the evidence have it."""
        news = _as_published(run, olds, news)
        skipped = news.get("superseded") is None  # its pair failed, and with `--continue-on-error` the engine asks
        receipt = None if skipped or _is_older(run, olds, news) else run.receipt(news["token"], _list(news, "was"))
        judged = Judgement(()) if receipt is None else endings.judged(run, receipt, olds, news)
        for decision in judged.told:
            run.tell(news["token"], decision)
        for reason in judged.conditions if receipt else endings.known_before(olds):
            run.note_condition(news["token"], reason)
        if news["token"] not in run.checked:  # a retirement alone, or a check that failed: what was told of it stands
            for reason in endings.told_of_the_token(olds):
                run.note_condition(news["token"], reason)
        decided: Props = {"ends_now": list(judged.ends), "conditions": run.conditions(news["token"])}
        decided["instructions"] = _instructions(run, olds, news)
        decided |= {act: news.get(act) is not False for act in ACTS}  # a pair of an older release tells neither
        return CheckResult({**news, "evidence": endings.asked(news), **decided}, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if _is_older(run, olds, news):
            return DiffResult(changes=False)
        due = Ledger.from_state(olds["entries"]).due(run.now)
        held = endings.held(run, news, due, from_rfc3339(olds["published_at"]))
        ends = len(due) > len(held) or bool(news["ends_now"])
        told = changed({**_UNTOLD, **olds}, news, (*GIVEN, "conditions", "instructions"))
        return DiffResult(changes=ends or told or _receipt_is_lost(run, news))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        return CreateResult(f"{props['owner']}_{props['token']}", _settle(run, {}, props))

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        if _is_older(run, olds, news):
            cause = "the state is older than what was published, so the receipt must not follow it"
            raise StateIsOlder("retire", cause, "Restore the newer state first.")
        outputs = _settle(run, olds, news)
        if olds["token"] != news["token"]:
            run.cluster.remove_receipt(olds["token"])
        return UpdateResult(outputs)

    @verb
    def read(self, _run: Run, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Give up the receipt's entry; the pair, deleted after this, revokes what is alive.

        The credential for that is resolved now: it may be what this token published, and that is deleted next.
        """
        run.backend(props["backend"])
        run.cluster.remove_receipt(props["token"])


def _notes_leases(run: Run, backend: str) -> bool:
    """Whether a pair notes what it confirms: where nothing lists it."""
    capabilities = run.backend(backend).capabilities
    return capabilities.leases and not capabilities.lists


def _instructions(run: Run, olds: Props, news: Props) -> str:
    """What a person has to do at its backend; a retirement alone leaves what was told as it stands."""
    if news["token"] in run.checked:
        return entrance.instructions(run, news["backend"])
    return str(olds.get("instructions") or "")


def _settle(run: Run, olds: Props, news: Props) -> Props:
    """Enter what is superseded, retire what is due, and tell the receipt. A failed revocation is kept, never raised."""
    policy = stored_policy(news["policy"])
    acted = run.clock()
    same = olds.get("generation") == news["generation"]
    published_at = from_rfc3339(olds["published_at"]) if same else acted
    current = news["generation"]
    named = [item for item in _superseded(news) if item["generation"] != current]
    superseded = [Superseded(item["generation"], item["handle"]) for item in named]
    known = _reinstated(run, olds, news)
    ledger = known.admit(superseded, published_at, policy.overlap)
    if endings.is_emergency(olds, news):
        ledger = ledger.expedite(run.now)
    kept = [current, *endings.held(run, news, ledger.due(run.now), published_at)]
    if any(entry.generation not in kept for entry in ledger.due(run.now)):  # else no credential is needed
        ledger = lifecycle.retire(run.backend(news["backend"]), ledger, run.now, keep=kept)
    failures = ledger.attempts() - known.attempts()
    dead = [entry.generation for entry in ledger.entries if entry.retired]
    retired = [*(g for g in olds.get("retired") or [] if g not in (current, *dead)), *dead][-RETIRED_REMEMBERED:]
    ledger = ledger.forget(item.generation for item in superseded)
    _tell_failures(run, news["token"], ledger)
    outputs = {**inputs_of(news, INPUTS), **_outputs(policy, news, ledger)}
    outputs |= {"retired": retired, "published_at": to_rfc3339(published_at), **_counts(olds, news, failures)}
    run.cluster.write_receipt(news["token"], _receipt(run, outputs, ledger).model_dump_json())
    placeholder.forget(run, news["token"], secret_places(news["published"]))
    if lease_notes.read(run, news["token"]) or (not same and _notes_leases(run, news["backend"])):
        lease_notes.forget(run, news["token"])
    return outputs


def _reinstated(run: Run, olds: Props, news: Props) -> Ledger:
    """The stored ledger without what is current, and without what consumers had when this run began.

    After a rollback of which the end was not saved, the stored ledger still has an old deadline for what is published.
    """
    given = {news["generation"]}
    if olds.get("generation") != news["generation"]:
        receipt = run.receipt(news["token"], news["was"])
        found = map(run.placed, secret_places(news["published"]))
        given |= {placed.generation for placed in found if placed}
        given |= {receipt.generation} if receipt else set()
    ledger = Ledger.from_state(olds.get("entries"))
    for generation in given:
        ledger = ledger.reinstate(generation)
    return ledger


def _counts(olds: Props, news: Props, failures: int) -> dict[str, int]:
    """How often so far: a value that was taken is no rotation, and a state of an older release begins at 0."""
    counts = {name: int(olds.get(name) or 0) for name in COUNTS}
    counts["revocation_failures"] += failures
    if not olds:
        return counts
    if olds["generation"] != news["generation"]:
        counts["rotations"] += news["reason"] not in TAKEN
    elif news["expires"] > olds["expires"]:  # both are in UTC and written alike
        counts["renewals"] += 1
    return counts


def _outputs(policy: Policy, news: Props, ledger: Ledger) -> Props:
    history = History(news["generation"], from_rfc3339(news["created"]), from_rfc3339(news["expires"]))
    waiting = ledger.waiting()
    return {
        "entries": ledger.to_state(),
        "rotates": to_rfc3339(planned_at(policy, history)),
        "retires": to_rfc3339(min(entry.deadline for entry in waiting)) if waiting else "",
        "failed": [f"{entry.generation}: {entry.error}" for entry in waiting if entry.error],
    }


def _receipt(run: Run, outputs: Mapping[str, Any], ledger: Ledger) -> Receipt:
    told = ("token", "backend", "generation", "reason", "fingerprint", "created", "expires", "rotates", "published_at")
    waiting = [
        Waiting.model_validate({name: getattr(e, name) for name in Waiting.model_fields}) for e in ledger.waiting()
    ]
    fields = {name: outputs[name] for name in (*told, "published", "retired", "conditions", "instructions", *COUNTS)}
    fields |= {name: outputs[name] is not False for name in ACTS}
    kind = run.kind(outputs["backend"])
    return Receipt.model_validate({**fields, "superseded": waiting, "run": run.id, "kind": kind})


def _tell_failures(run: Run, token: str, ledger: Ledger) -> None:
    for entry in ledger.waiting():
        if entry.error:
            message = f"{entry.generation} could not be ended ({entry.attempts} attempts): {entry.error}"
            run.tell(token, Decision(Action.DEFER, Reason.REVOCATION_FAILED, message))


def _as_published(run: Run, olds: Props, news: Props) -> Props:
    """In a run that publishes nothing, what was settled last: the pair may have gone on, and its publication failed.

    Whatever consumers hold would be taken for superseded otherwise, and be revoked after its overlap.
    """
    if run.minting or not olds or all(olds.get(name) == news.get(name) for name in ("generation", "published")):
        return news
    return {**news, **{name: olds[name] for name in GIVEN if name in olds}}


def _is_older(run: Run, olds: Props, news: Props) -> bool:
    """Whether the receipt names a newer generation that this state does not know: an old state was restored.

    What is being taken now may be older by right; what was taken before has a receipt that names it.
    """
    generation, superseded = news.get("generation"), news.get("superseded")
    if generation is None or superseded is None or is_unknown(generation):
        return False
    if news["reason"] in TAKEN and olds.get("generation") != generation:
        return False
    receipt = run.receipt(news["token"], _list(news, "was"))
    known = [] if is_unknown(superseded) else [item["generation"] for item in superseded]
    return receipt is not None and receipt.generation not in known and is_newer(receipt.generation, news["generation"])


def _receipt_is_lost(run: Run, news: Props) -> bool:
    """Whether the cluster answers and has no receipt: it must be written before evidence can be judged by it."""
    return run.receipt(news["token"], _list(news, "was")) is None and run.named_by_receipts() is not None


def _superseded(news: Props) -> list[Props]:
    """What the pair tells; nothing while unknown. A failed pair tells none, and `--continue-on-error` goes on."""
    superseded = news.get("superseded")
    if superseded is None:
        raise RotationError(
            "retire", "its pair failed in this run", "See the pair's error; nothing is retired without it."
        )
    return [] if is_unknown(superseded) else list(superseded)


def _list(props: Props, name: str) -> list[str]:
    value = props.get(name)
    return [] if value is None or is_unknown(value) else list(value)


class Retirement(Resource, module="token-rotation", name="Retirement"):
    """Depends on every publication of its token; protected, because it knows what is still alive."""

    generation: pulumi.Output[str]
    entries: pulumi.Output[list[Any]]
    rotates: pulumi.Output[str]
    retires: pulumi.Output[str]
    published: pulumi.Output[list[str]]
    published_at: pulumi.Output[str]
    failed: pulumi.Output[list[str]]
    conditions: pulumi.Output[list[str]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        absent = dict.fromkeys(("ends_now", "conditions", "instructions", *OUTPUTS))
        super().__init__(RetirementProvider(), name, {**absent, **props}, opts)
