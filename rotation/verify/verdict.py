"""What an operator is told of a value that was presented, and who counts the refusals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rotation.operator_tokens.record import TokenType

ELSEWHERE = "unknown"
"""What a namespace without a record is called in counts, or whoever asks could make as many series as he likes."""


class Reason(StrEnum):
    """Why a value is accepted or refused, as the label of a counter and the word of a log line."""

    ACCEPTED_CURRENT = "accepted-current"
    ACCEPTED_PREVIOUS = "accepted-previous"
    ACCEPTED_PENDING = "accepted-pending"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"
    REVOKED = "revoked"
    TEAM_REVOKED = "team-revoked"
    EXPIRED = "expired"
    GRACE_OVER = "grace-over"
    PENDING_EXPIRED = "pending-expired"
    WRONG_TYPE = "wrong-type"
    WRONG_NAMESPACE = "wrong-namespace"
    RECORDS_STALE = "records-stale"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a value authorises, and why. As a condition it is true only when accepted.

    version, token_type: of the entry that the value belongs to; None where it belongs to none
    """

    accepted: bool
    reason: Reason
    version: int | None = None
    token_type: TokenType | None = None

    def __bool__(self) -> bool:
        """So that `if verifier.check(...)` cannot let in what was refused."""
        return self.accepted


class Failures(Protocol):
    """Counts what went wrong. Called from the thread that checks or reads; it must be quick, and never raise."""

    def refused(self, namespace: str, reason: Reason) -> None:
        """A value was refused; `namespace` is one that has a record, or `unknown`."""

    def unreadable(self, namespace: str) -> None:
        """A namespace's record was there and could not be read; the one before is still in use."""


class Uncounted:
    """Counts nothing."""

    def refused(self, namespace: str, reason: Reason) -> None:
        """Nothing."""

    def unreadable(self, namespace: str) -> None:
        """Nothing."""
