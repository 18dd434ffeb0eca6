"""Why something was decided: one code for each fact, and the one line that people and the scheduled run read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What a decision asks for."""

    KEEP = "keep"
    RENEW = "renew"
    ROTATE = "rotate"
    DEFER = "defer"
    RETIRE = "retire"
    ROLL_BACK = "rollback"
    ADOPT = "adopt"
    REPAIR = "repair"
    DEPLOY = "deploy"


class Reason(StrEnum):
    """A fact about a token, as a code that logs, previews, receipts and alerts share."""

    FIRST_GENERATION = "FirstGeneration"
    NEARING_EXPIRY = "NearingExpiry"
    MAXIMUM_AGE = "MaximumAge"
    SPEC_CHANGED = "SpecChanged"
    FORCED_BY_OPERATOR = "ForcedByOperator"
    EMERGENCY = "Emergency"
    MISSING_AT_BACKEND = "MissingAtBackend"
    REJECTED_BY_BACKEND = "RejectedByBackend"
    BACKEND_UNREACHABLE = "BackendUnreachable"
    BACKEND_REFUSES = "BackendRefuses"
    PREVIOUS_UNPUBLISHED = "PreviousUnpublished"
    STATE_IS_OLDER = "StateIsOlder"
    LEDGER_FULL = "LedgerFull"
    RENEWAL_DUE = "RenewalDue"
    RENEWAL_GAINS_NOTHING = "RenewalGainsNothing"
    NOTHING_DUE = "NothingDue"
    DEADLINE_PASSED = "DeadlinePassed"
    ORPHAN_FOUND = "OrphanFound"
    REVOCATION_FAILED = "RevocationFailed"
    CLUSTER_AWAY = "ClusterAway"
    CLOCK_SKEW = "ClockSkew"
    OUTSIDE_WINDOW = "OutsideWindow"
    ROTATION_LIMIT = "RotationLimit"
    PAUSED = "Paused"
    WAITING_FOR_DEPENDENCY = "WaitingForDependency"
    BOOTSTRAP_NEEDED = "BootstrapNeeded"
    ROLLBACK_REQUESTED = "RollbackRequested"
    ROLLED_BACK = "RolledBack"
    NOTHING_TO_ROLL_BACK_TO = "NothingToRollBackTo"
    ADOPTED = "Adopted"
    DRIFT_FOUND = "DriftFound"
    PUBLICATION_MISSING = "PublicationMissing"
    SECOND_WRITER = "SecondWriter"
    WAITING_FOR_EVIDENCE = "WaitingForEvidence"
    EVIDENCE_MISSING = "EvidenceMissing"
    ORPHANED = "Orphaned"
    TEAM_REVOKED = "TeamRevoked"
    GRACE_OVER = "GraceOver"
    TEMPLATE_CHANGED = "TemplateChanged"
    TEMPLATE_FAILED = "TemplateFailed"
    ROTATION_OVERDUE = "RotationOverdue"
    EXPIRED = "Expired"
    HEALTHY = "Healthy"


ROLLED_BACK = frozenset({Reason.ROLLED_BACK, Reason.ROLLBACK_REQUESTED})
"""Why an earlier generation became current again."""

TAKEN = ROLLED_BACK | {Reason.ADOPTED}
"""Why a value that existed was taken, and none was minted."""


@dataclass(frozen=True)
class Decision:
    """What to do with a token now. `until` is the instant at which the answer may change, where it is known."""

    action: Action
    reason: Reason
    message: str
    until: datetime | None = None


_LINE = re.compile(r"token-rotation: (?P<token>\S+): (?P<action>\w+) \((?P<reason>\w+)\): (?P<message>.*)")


def reason_line(token: str, decision: Decision) -> str:
    """The line that a dry run prints: `token-rotation: NAME: rotate (NearingExpiry): it ends at …`."""
    return f"token-rotation: {token}: {decision.action} ({decision.reason}): {decision.message}"


def read_reason_line(text: str) -> tuple[str, Decision] | None:
    """Find a reason line in a line of output; None when there is none or its codes are unknown."""
    match = _LINE.search(text)
    if match is None:
        return None
    try:
        decision = Decision(Action(match["action"]), Reason(match["reason"]), match["message"].strip())
    except ValueError:
        return None
    return match["token"], decision
