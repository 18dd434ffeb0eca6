"""What the validation, which runs between the scheduled runs, said of a token."""

from __future__ import annotations

from pydantic import ValidationError

from dynamic_providers.state import Run
from rotation.errors import ClusterError
from rotation.run_record import VALIDATE, RunRecord, read_run_record


def is_suspect(run: Run, token: str, generation: str) -> bool:
    """Whether validation saw its backend refuse this very generation.

    A suspicion, not a fact: it may have been one wrong answer, or an old one. So the run uses the token once itself.
    """
    record: RunRecord | None = run.once("the record of the validation", lambda: _record(run))
    found = record.validated.get(token) if record else None
    return found is not None and found.rejected and found.generation == generation


def _record(run: Run) -> RunRecord | None:
    """Nothing where there is no record, or none that can be read: validation is no part of a rotation."""
    try:
        text = run.cluster.run_records().get(VALIDATE)
        return read_run_record(text) if text else None
    except (ClusterError, ValidationError):
        return None
