"""A receipt and run records, as a stack of the tests leaves them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.exporting.collector import ReceiptsCollector
from operations.exporting.facts import Facts
from operations.run_log import open_log
from rotation.model import fingerprint
from rotation.receipt import Receipt, Waiting
from rotation.run_record import ROTATE, VALIDATE, RunRecord, TokenCounts, Validated

NOW = datetime(2026, 1, 31, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = "homelab-3f9a1c2b_admin_20260101t020000z_aaaaaa"
SECOND = "homelab-3f9a1c2b_admin_20260130t020000z_bbbbbb"
VALUE, PREVIOUS = "planted-value-of-the-current-one", "planted-value-of-the-previous-one"


def a_receipt(**changes: Any) -> Receipt:
    """A token in its overlap: the second generation is current, the first ends in a day."""
    waiting = Waiting(generation=FIRST, deadline=NOW + DAY, published_at=NOW - DAY)
    given: dict[str, Any] = {
        "token": "admin",
        "backend": "authentik",
        "kind": "authentik",
        "generation": SECOND,
        "reason": "MaximumAge",
        "fingerprint": fingerprint(VALUE),
        "created": NOW - DAY,
        "expires": NOW + 300 * DAY,
        "rotates": NOW + 260 * DAY,
        "published_at": NOW - DAY,
        "published": ("kubernetesSecret:apps/admin",),
        "superseded": (waiting,),
        "rotations": 4,
        "renewals": 2,
        "revocation_failures": 1,
    }
    return Receipt.model_validate({**given, **changes})


def a_record(job: str = ROTATE, **changes: Any) -> RunRecord:
    """A run that went well."""
    given: dict[str, Any] = {
        "job": job,
        "run": "run-1",
        "began": NOW - timedelta(minutes=2),
        "ended": NOW,
        "outcome": "fine",
        "exit_code": 0,
        "last_success": NOW,
        "runs": 30,
        "failures": 3,
        "tokens": {"admin": TokenCounts(mint_failures=5, renewal_failures=6, publication_failures=7)},
        "orphans": {"authentik": 2},
    }
    return RunRecord.model_validate({**given, **changes})


def a_validation(works: bool = True, generation: str = SECOND, **changes: Any) -> RunRecord:
    """A validation that looked at one token."""
    validated = {"admin": Validated(generation=generation, works=works)}
    tokens = {"admin": TokenCounts(validation_failures=8)}
    return a_record(VALIDATE, **{"validated": validated, "tokens": tokens, "orphans": {}, **changes})


def some_facts(**changes: Any) -> Facts:
    """A stack of that one token, with a daily run and a validation."""
    return Facts({"admin": a_receipt(**changes)}, {ROTATE: a_record(), VALIDATE: a_validation()})


def a_collector(read: Callable[[], Facts]) -> ReceiptsCollector:
    """What a scrape asks."""
    return ReceiptsCollector(read, open_log("run-1", lambda: NOW), lambda: NOW)
