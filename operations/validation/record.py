"""What a validation leaves behind and tells: its record, Events and a notification. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from operations.exit_code import ExitCode
from operations.notifications import Message
from operations.run_history import Span, next_record
from operations.told import Told
from rotation.events import Happening
from rotation.run_record import RunRecord, TokenCounts, Validated

Outcome = Mapping[str, Validated] | None
"""What was found, by token; None where nothing could be found out."""


def validation_record(
    before: RunRecord | None, span: Span, code: ExitCode, outcome: Outcome, undelivered: Sequence[str]
) -> RunRecord:
    """The next record. Counts of tokens that are no longer in the plan end; where nothing was found out, all stay."""
    record = next_record(before, span, code, Told(), undelivered=undelivered)
    if outcome is None:
        return record
    counted = {token: _counted(record.tokens.get(token), found) for token, found in outcome.items()}
    return record.model_copy(update={"validated": dict(outcome), "tokens": counted or record.tokens})


def happenings(outcome: Outcome) -> list[Happening]:
    """An Event for each token that does not work."""
    if outcome is None:
        return [Happening("ValidationFailed", "validate", "the receipts could not be read", warning=True)]
    return [
        Happening("ValidationFailed", "validate", f"{token}: {'; '.join(found.causes)}", warning=True)
        for token, found in outcome.items()
        if not found.works
    ]


def notification(outcome: Outcome) -> Message | None:
    """What people are told; None where all works."""
    if outcome is None:
        return Message("token-rotation: validation could not read the receipts", grave=True)
    faults = {token: found for token, found in outcome.items() if not found.works}
    if not faults:
        return None
    title = f"token-rotation: {len(faults)} of {len(outcome)} tokens failed validation"
    lines = [f"{token}: {cause}" for token, found in faults.items() for cause in found.causes]
    return Message(title, lines, grave=True, facts={"failed": len(faults), "tokens": len(outcome)})


def _counted(before: TokenCounts | None, found: Validated) -> TokenCounts:
    counts = before or TokenCounts()
    return counts.model_copy(update={"validation_failures": counts.validation_failures + (not found.works)})
