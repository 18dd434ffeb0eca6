"""Evidence before retirement, as judged: what shows that consumers moved on, and what is held, told or cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotation.evidence import (
    OFF,
    EvidencePolicy,
    Given,
    Judgement,
    NoAnswer,
    Observation,
    RolledOut,
    Source,
    Synced,
    asks,
    ends_unseen,
    judge,
    lack,
)
from rotation.ledger import Entry
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START
from rotation.testing.strategies import entries, instants, lengths

SYNC = {"externalSecret": {"namespace": "apps", "name": "admin"}}
ROLLOUT = {"workload": {"kind": "Deployment", "namespace": "apps", "name": "shop"}}
DEADLINE, WAIT, SECURITY = START + 30 * DAY, 2 * DAY, 40 * DAY
GIVEN = Given("g2", "f2", START)
DUE = Entry("g1", "h1", DEADLINE, published_at=START)
LATER = replace(DUE, published_at=START + DAY)
LACKS = ["ExternalSecret apps/admin: it was never refreshed", "Deployment apps/shop: it does not exist"]
MODES = ("off", "warn", "enforce")


def a_policy(mode: str, **parts: Any) -> EvidencePolicy:
    """A policy of two sources that waits for two days, and lets none live for more than forty."""
    usual = {"sources": [SYNC, ROLLOUT], "wait": "2d", "security_deadline": "40d"}
    return EvidencePolicy.model_validate({"mode": mode, **usual, **parts})


@dataclass(frozen=True)
class Row:
    """An entry judged at an instant with nothing shown: whether it ends, and what is told of it."""

    mode: str
    now: datetime
    ends: bool
    action: Action
    reason: Reason
    entry: Entry = DUE


JUDGED = {
    "off": Row("off", DEADLINE, True, Action.RETIRE, Reason.DEADLINE_PASSED),
    "warn ends it and tells": Row("warn", DEADLINE, True, Action.RETIRE, Reason.EVIDENCE_MISSING),
    "enforce holds it": Row("enforce", DEADLINE, False, Action.DEFER, Reason.WAITING_FOR_EVIDENCE),
    "enforce in its last second of waiting": Row(
        "enforce", DEADLINE + WAIT - SECOND, False, Action.DEFER, Reason.WAITING_FOR_EVIDENCE
    ),
    "enforce has waited": Row("enforce", DEADLINE + WAIT, False, Action.DEFER, Reason.EVIDENCE_MISSING),
    "enforce a second before the security deadline": Row(
        "enforce", START + SECURITY - SECOND, False, Action.DEFER, Reason.EVIDENCE_MISSING
    ),
    "enforce at the security deadline": Row(
        "enforce", START + SECURITY, True, Action.RETIRE, Reason.DEADLINE_PASSED
    ),
    "warn at the security deadline": Row("warn", START + SECURITY, True, Action.RETIRE, Reason.DEADLINE_PASSED),
    "the security deadline counts from its own successor": Row(
        "enforce", START + SECURITY, False, Action.DEFER, Reason.EVIDENCE_MISSING, LATER
    ),
    "an old entry's counts from the last publication": Row(
        "enforce", START + SECURITY, True, Action.RETIRE, Reason.DEADLINE_PASSED, replace(DUE, published_at=None)
    ),
    "an emergency": Row(
        "enforce", DEADLINE, True, Action.RETIRE, Reason.EMERGENCY, replace(DUE, expedited=True)
    ),
    "a revocation was begun": Row(
        "enforce", DEADLINE, True, Action.RETIRE, Reason.DEADLINE_PASSED, replace(DUE, attempts=1, error="no answer")
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", JUDGED.values(), ids=list(JUDGED))
def test_what_becomes_of_a_due_generation_without_evidence(row: Row) -> None:
    """It ends, or is held; one line says which and why; what is held or cut without evidence is a condition."""
    policy = a_policy(row.mode)
    judged = judge(policy, [row.entry], LACKS, GIVEN.published_at, row.now)
    [told] = judged.told
    assert (judged.ends == ("g1",), told.action, told.reason) == (row.ends, row.action, row.reason)
    assert judged.conditions == {row.reason} & {Reason.EVIDENCE_MISSING, Reason.WAITING_FOR_EVIDENCE}
    assert told.message.count("g1") == 1
    if judged.conditions:
        assert all(cause in told.message for cause in LACKS)


@pytest.mark.parametrize("mode", MODES)
def test_with_evidence_it_ends_at_its_deadline(mode: str) -> None:
    """What all sources show to be left behind ends, is told as ever, and is no condition."""
    judged = judge(a_policy(mode), [DUE], [], GIVEN.published_at, DEADLINE)
    assert (judged.ends, judged.conditions, judged.told[0].reason) == (("g1",), frozenset(), Reason.DEADLINE_PASSED)


def test_each_is_judged_on_its_own() -> None:
    """One that is hurried ends beside one that is held, and both are told."""
    hurried, late = replace(DUE, generation="a", expedited=True), replace(DUE, generation="b", deadline=START)
    judged = judge(a_policy("enforce"), [DUE, hurried, late], LACKS, GIVEN.published_at, DEADLINE)
    assert judged.ends == ("a",)
    reasons = [decision.reason for decision in judged.told]
    assert reasons == [Reason.WAITING_FOR_EVIDENCE, Reason.EMERGENCY, Reason.EVIDENCE_MISSING]


def test_the_end_of_the_wait_is_told() -> None:
    """A decision to wait says until when."""
    [told] = judge(a_policy("enforce"), [DUE], LACKS, GIVEN.published_at, DEADLINE).told
    assert told.until == DEADLINE + WAIT


def test_nothing_due_is_judged_without_a_word() -> None:
    """No entry, no line."""
    assert judge(a_policy("enforce"), [], LACKS, START, START) == Judgement(())


@given(st.lists(entries()), st.sampled_from(MODES), instants(), instants())
def test_a_source_is_asked_only_when_an_end_depends_on_it(
    due: list[Entry], mode: str, published_at: datetime, now: datetime
) -> None:
    """Not while it is off, not for nothing, and not for what ends anyway; and what is not asked holds nothing."""
    policy = a_policy(mode)
    unseen = judge(policy, due, LACKS, published_at, now)
    if not asks(policy, due, published_at, now):
        assert unseen == judge(policy, due, [], published_at, now)
    else:
        assert unseen.conditions or not due


@given(entries(), lengths(), lengths(), instants(), st.sampled_from(MODES))
def test_a_security_deadline_always_comes(
    entry: Entry, length: timedelta, wait: timedelta, published_at: datetime, mode: str
) -> None:
    """However long it would wait, from that instant on every due generation ends."""
    policy = a_policy(mode, wait=wait, security_deadline=length)
    latest = max(published_at, entry.deadline) + length
    assert ends_unseen(policy, entry, published_at, latest)
    assert judge(policy, [entry], LACKS, published_at, latest).ends == (entry.generation,)


@given(entries(), instants(), instants(), st.sampled_from(MODES))
def test_what_was_let_end_is_never_held_later(entry: Entry, published_at: datetime, now: datetime, mode: str) -> None:
    """Time only ever takes a hold away."""
    policy = a_policy(mode)
    if ends_unseen(policy, entry, published_at, now):
        assert ends_unseen(policy, entry, published_at, now + DAY)


SYNCED = Synced(START, frozenset({"f1", "f2"}))
ROLLED_OUT = RolledOut(seen=True, generation="g2", wanted=3, total=3, updated=3, ready=3)
SHOWN: dict[str, tuple[Observation, str]] = {
    "refreshed at the publication": (SYNCED, ""),
    "refreshed later": (replace(SYNCED, refreshed=START + DAY), ""),
    "refreshed a second before": (
        replace(SYNCED, refreshed=START - SECOND),
        "its last refresh, at 2026-01-01T11:59:59Z, was before the publication",
    ),
    "never refreshed": (replace(SYNCED, refreshed=None), "it was never refreshed"),
    "another value": (replace(SYNCED, fingerprints=frozenset({"f1"})), "its Secret does not hold what was published"),
    "no value": (replace(SYNCED, fingerprints=frozenset()), "its Secret does not hold what was published"),
    "rolled out": (ROLLED_OUT, ""),
    "scaled to nothing": (replace(ROLLED_OUT, wanted=0, total=0, updated=0, ready=0), ""),
    "a status of an older specification": (
        replace(ROLLED_OUT, seen=False),
        "its status does not tell of its newest specification yet",
    ),
    "pods of an older generation": (replace(ROLLED_OUT, generation="g1"), "its pods are of generation g1"),
    "pods of none": (replace(ROLLED_OUT, generation=""), "its pods are of generation none"),
    "not all updated": (
        replace(ROLLED_OUT, updated=2),
        "of 3 replicas 2 are updated and 3 ready; 3 run",
    ),
    "not all ready": (replace(ROLLED_OUT, ready=2), "of 3 replicas 3 are updated and 2 ready; 3 run"),
    "an old pod still runs": (replace(ROLLED_OUT, total=4), "of 3 replicas 3 are updated and 3 ready; 4 run"),
    "no answer": (NoAnswer("no answer (ConnectTimeoutError)"), "no answer (ConnectTimeoutError)"),
}


@pytest.mark.parametrize(("shown", "cause"), SHOWN.values(), ids=list(SHOWN))
def test_what_a_source_shows_is_evidence_or_says_why_not(shown: Observation, cause: str) -> None:
    """Only a refresh after the publication with the same value, or a whole roll-out of it, is evidence."""
    source = Source.model_validate(ROLLOUT)
    assert lack(source, shown, GIVEN) == (f"Deployment apps/shop: {cause}" if cause else "")


def test_a_policy_survives_the_state() -> None:
    """What a component passes on as JSON is read back the same."""
    policy = a_policy("enforce")
    assert EvidencePolicy.model_validate(policy.model_dump(mode="json", by_alias=True)) == policy
    assert EvidencePolicy.model_validate(OFF.model_dump(mode="json", by_alias=True)) == OFF
    assert [str(source) for source in policy.sources] == ["ExternalSecret apps/admin", "Deployment apps/shop"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown mode": ({"mode": "maybe"}, "mode"),
    "an unknown key": ({"patience": "1d"}, "patience"),
    "no source": ({"mode": "warn"}, "mode warn needs sources"),
    "an empty source": ({"sources": [{}]}, "exactly one of externalSecret and workload"),
    "two things in one source": ({"sources": [{**SYNC, **ROLLOUT}]}, "exactly one of"),
    "a source of nothing": ({"sources": [{"workload": None}]}, "exactly one of"),
    "an unknown kind": ({"sources": [{"workload": {**ROLLOUT["workload"], "kind": "Job"}}]}, "kind"),
    "a name that is none": ({"sources": [{"externalSecret": {"namespace": "apps", "name": "a/b"}}]}, "name"),
    "no time": ({"wait": "0d"}, "wait"),
}


@pytest.mark.parametrize(("parts", "named"), REFUSED.values(), ids=list(REFUSED))
def test_a_policy_that_means_nothing_is_refused(parts: dict[str, Any], named: str) -> None:
    """The refusal names what is wrong."""
    with pytest.raises(ValidationError, match=named):
        EvidencePolicy.model_validate(parts)
