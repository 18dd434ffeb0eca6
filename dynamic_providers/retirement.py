"""The ledger: gives each superseded generation its deadline, revokes it after that, and writes the token's receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import lease_notes
from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, is_unknown, verb
from rotation import lifecycle
from rotation.checks import History, rotates_at
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import StateIsOlder
from rotation.ledger import Ledger, Superseded
from rotation.model import Policy, is_newer
from rotation.reasons import Action, Decision, Reason
from rotation.receipt import Receipt, Waiting

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
)
INPUTS = (*GIVEN, "ends_now")
OUTPUTS = ("entries", "retired", "rotates", "retires", "published_at", "failed")
RETIRED_REMEMBERED = 16
"""Ids of dead generations that a receipt keeps; the pair needs the newest ones to let go of them."""


class RetirementProvider(Provider):
    """The only one that sets a deadline, and the only one, but for a destroy, that revokes."""

    @verb
    def check(self, run: Run, _olds: Props, news: Props) -> CheckResult:
        """Show in the dry run what ends now, as the receipt tells it."""
        receipt = run.receipt(news["token"], _list(news, "was"))
        waiting = receipt.superseded if receipt and not _is_older(run, news) else ()
        ends_now = [item.generation for item in waiting if item.deadline <= run.now]
        for generation in ends_now:
            message = f"the overlap of {generation} is over; it is revoked now"
            run.tell(news["token"], Decision(Action.RETIRE, Reason.DEADLINE_PASSED, message))
        return CheckResult({**news, "ends_now": ends_now}, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if _is_older(run, news):
            return DiffResult(changes=False)
        due = bool(Ledger.from_state(olds["entries"]).due(run.now))
        return DiffResult(changes=due or bool(news["ends_now"]) or changed(olds, news, GIVEN))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        return CreateResult(f"{props['owner']}_{props['token']}", _settle(run, {}, props))

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        if _is_older(run, news):
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


def _settle(run: Run, olds: Props, news: Props) -> Props:
    """Enter what is superseded, retire what is due, and tell the receipt. A failed revocation is kept, never raised."""
    policy = Policy.model_validate(news["policy"])
    acted = run.clock()
    same = olds.get("generation") == news["generation"]
    published_at = from_rfc3339(olds["published_at"]) if same else acted
    superseded = [Superseded(item["generation"], item["handle"]) for item in news["superseded"]]
    ledger = Ledger.from_state(olds.get("entries")).admit(superseded, published_at, policy.overlap)
    if olds and news["emergency"] and news["emergency"] != olds["emergency"]:
        ledger = ledger.expedite(run.now)
    ledger = lifecycle.retire(run.backend(news["backend"]), ledger, run.now, keep=[news["generation"]])
    dead = [entry.generation for entry in ledger.entries if entry.retired]
    retired = [*(g for g in olds.get("retired") or [] if g not in dead), *dead][-RETIRED_REMEMBERED:]
    ledger = ledger.forget(item.generation for item in superseded)
    _tell_failures(run, news["token"], ledger)
    outputs = {**inputs_of(news, INPUTS), **_outputs(policy, news, ledger)}
    outputs |= {"retired": retired, "published_at": to_rfc3339(published_at)}
    run.cluster.write_receipt(news["token"], _receipt(run, outputs, ledger).model_dump_json())
    if lease_notes.read(run, news["token"]) or (not same and run.backend(news["backend"]).capabilities.leases):
        lease_notes.forget(run, news["token"])
    return outputs


def _outputs(policy: Policy, news: Props, ledger: Ledger) -> Props:
    history = History(news["generation"], from_rfc3339(news["created"]), from_rfc3339(news["expires"]))
    waiting = ledger.waiting()
    return {
        "entries": ledger.to_state(),
        "rotates": to_rfc3339(rotates_at(policy, history)),
        "retires": to_rfc3339(min(entry.deadline for entry in waiting)) if waiting else "",
        "failed": [f"{entry.generation}: {entry.error}" for entry in waiting if entry.error],
    }


def _receipt(run: Run, outputs: Mapping[str, Any], ledger: Ledger) -> Receipt:
    told = ("token", "backend", "generation", "reason", "fingerprint", "created", "expires", "rotates", "published_at")
    waiting = [
        Waiting(generation=e.generation, deadline=e.deadline, error=e.error, attempts=e.attempts)
        for e in ledger.waiting()
    ]
    fields = {name: outputs[name] for name in (*told, "published", "retired")}
    return Receipt.model_validate({**fields, "superseded": waiting, "run": run.id})


def _tell_failures(run: Run, token: str, ledger: Ledger) -> None:
    for entry in ledger.waiting():
        if entry.error:
            message = f"{entry.generation} could not be ended ({entry.attempts} attempts): {entry.error}"
            run.tell(token, Decision(Action.DEFER, Reason.REVOCATION_FAILED, message))


def _is_older(run: Run, news: Props) -> bool:
    """Whether the receipt names a newer generation than this run would record: an old state was restored."""
    if is_unknown(news["generation"]):
        return False
    receipt = run.receipt(news["token"], _list(news, "was"))
    return receipt is not None and is_newer(receipt.generation, news["generation"])


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

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(RetirementProvider(), name, {**dict.fromkeys(("ends_now", *OUTPUTS)), **props}, opts)
