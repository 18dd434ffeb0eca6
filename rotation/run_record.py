"""What a scheduled job left behind of its last run: no value, and counts that only grow.

It stands beside the receipts, in the ConfigMap that `runs_name` names, one entry for each job.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from rotation.receipt import Instant

ROTATE, RETIRE, VALIDATE = "rotate", "retire", "validate"
"""The jobs: the daily `up`, the hourly retirement, the six-hourly validation."""


def runs_name(receipts: str) -> str:
    """The name of the ConfigMap of run records, beside the receipts of this name and in the same namespace."""
    return f"{receipts}-runs"


class TokenCounts(BaseModel):
    """How often something happened to one token since its record began; each number only grows."""

    model_config = ConfigDict(frozen=True)

    mint_failures: int = 0
    renewal_failures: int = 0
    publication_failures: int = 0
    validation_failures: int = 0


class Validated(BaseModel):
    """What validation found of one token.

    generation: what its receipt names as published
    works:      every published copy was read, agrees, and works at its backend
    rejected:   the backend refused the value of `generation` (no answer is not a refusal)
    causes:     what is wrong, one sentence for each place; empty when it works
    """

    model_config = ConfigDict(frozen=True)

    generation: str
    works: bool
    rejected: bool = False
    causes: tuple[str, ...] = ()


class RunRecord(BaseModel):
    """The last run of one job.

    last_success: the end of the last run that ended with 0; None before there was one
    tokens:       monotone counts by token
    validated:    by token; only the validation fills it
    orphans:      unknown generations that wait for their end, by backend, as the last run told
    undelivered:  notifications that no one took; the next run sends them
    """

    model_config = ConfigDict(frozen=True)

    job: str
    run: str
    began: Instant
    ended: Instant
    outcome: str
    exit_code: int
    last_success: Instant | None = None
    runs: int = 0
    failures: int = 0
    tokens: dict[str, TokenCounts] = {}
    validated: dict[str, Validated] = {}
    orphans: dict[str, int] = {}
    undelivered: tuple[str, ...] = ()


def read_run_record(text: str) -> RunRecord:
    """Read an entry. Raises ValidationError."""
    return RunRecord.model_validate_json(text)
