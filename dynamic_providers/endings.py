"""Which superseded generations may end in this run: what is due, and what evidence is lacking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, is_unknown
from rotation import evidence
from rotation.evidence import EvidencePolicy, Given, Judgement
from rotation.ledger import Entry
from rotation.reasons import Reason
from rotation.receipt import Receipt, Waiting


def judged(run: Run, receipt: Receipt, olds: Props, news: Props) -> Judgement:
    """What ends now of all that the receipt names; the sources are asked only where its end depends on them."""
    due = [item for item in _waiting(run, receipt, olds, news) if item.deadline <= run.now]
    given = Given(receipt.generation, receipt.fingerprint, receipt.published_at)
    policy, lacks = _evidence(news), []
    if evidence.asks(policy, due, given.published_at, run.now):
        found = [evidence.lack(source, run.cluster.observe(source), given) for source in policy.sources]
        lacks = [cause for cause in found if cause]
    return evidence.judge(policy, due, lacks, given.published_at, run.now)


def _waiting(run: Run, receipt: Receipt, olds: Props, news: Props) -> list[Waiting]:
    """What waits for its end: all of it is due in an emergency, and what is current again waits no more."""
    waiting = [item for item in receipt.superseded if item.generation != news["generation"]]
    if not is_emergency(olds, news):
        return waiting
    return [item.model_copy(update={"deadline": min(item.deadline, run.now), "expedited": True}) for item in waiting]


def held(run: Run, news: Props, due: Iterable[Entry], published_at: datetime) -> list[str]:
    """The due generations that wait for evidence which `check` did not find."""
    policy, may_end = _evidence(news), news["ends_now"]
    return [
        item.generation
        for item in due
        if item.generation not in may_end and not evidence.ends_unseen(policy, item, published_at, run.now)
    ]


def _evidence(news: Props) -> EvidencePolicy:
    wanted = asked(news)
    return EvidencePolicy.model_validate(wanted) if wanted else evidence.OFF


def asked(news: Props) -> Props:
    """What is asked for as evidence; empty when none is, however that is written."""
    wanted: Props = news.get("evidence") or {}
    return wanted if wanted.get("mode", "off") != "off" else {}


def known_before(olds: Props) -> list[Reason]:
    """What an earlier run told of evidence; it stands while the receipt cannot be read."""
    told = olds.get("conditions") or []
    return [reason for reason in evidence.CONDITIONS if reason in told]


def told_of_the_token(olds: Props) -> list[Reason]:
    """What the last run that judged the token told of it; evidence is judged anew."""
    told = [Reason(text) for text in olds.get("conditions") or []]
    return [reason for reason in told if reason not in evidence.CONDITIONS]


def is_emergency(olds: Props, news: Props) -> bool:
    """Whether an operator called an emergency since the ledger was last written."""
    nonce = news["emergency"]
    return bool(olds) and not is_unknown(nonce) and bool(nonce) and nonce != olds["emergency"]
