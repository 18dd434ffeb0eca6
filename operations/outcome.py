"""What a run came to, as people are told: when it is worth a notification, what that says, and its Events. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from operations.exit_code import ExitCode, is_failure, needs_a_person
from operations.notifications import Message
from operations.told import Told
from rotation.events import Happening
from rotation.reasons import Decision
from rotation.run_record import RETIRE, RunRecord

_MOST_LINES = 20
_WORDS = {
    ExitCode.FINE: "done",
    ExitCode.FAILED: "failed, the next run tries again",
    ExitCode.REFUSED_INPUT: "refused its input",
    ExitCode.NEEDS_A_PERSON: "needs a person",
    ExitCode.LOCKED: "found another run",
    ExitCode.NEEDS_BOOTSTRAP: "waits for a person to give a backend its first credential",
}


@dataclass(frozen=True)
class Outcome:
    """A run that ended: which job's, its id, its stack, its code, and what it told."""

    job: str
    run: str
    stack: str
    code: ExitCode
    told: Told

    @property
    def troubles(self) -> list[tuple[str, Decision]]:
        """What was put off and should not have been."""
        return [
            (token, decision)
            for token, decision in self.told.decisions
            if needs_a_person(decision.reason) or is_failure(decision.reason)
        ]


def is_worth_telling(outcome: Outcome, before: RunRecord | None) -> bool:
    """Whether something happened. The hourly job tells of one trouble once; the daily one repeats it each day."""
    if outcome.code is ExitCode.FINE:
        return bool(outcome.told.acts)
    is_known = outcome.job == RETIRE and before is not None and before.exit_code == outcome.code
    return not is_known or bool(outcome.told.acts)


def message(outcome: Outcome) -> Message:
    """What a notification says: the outcome, then each act, each trouble and each error of ours, with its reason.

    Errors that are not ours are named by their resource only: what an API echoes must not leave with a webhook.
    """
    told = outcome.told
    lines = [_line(token, decision) for token, decision in [*told.acts, *outcome.troubles]]
    lines += told.errors
    lines += [] if told.errors else [f"failed: {name}" for name in told.failed]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more; see the log of run {outcome.run}"]
    return Message(
        title=f"token-rotation {outcome.stack or 'stack'}: {outcome.job} {_WORDS[outcome.code]}",
        lines=lines,
        grave=outcome.code is not ExitCode.FINE,
        facts={
            "run": outcome.run,
            "job": outcome.job,
            "stack": outcome.stack,
            "outcome": outcome.code.name.lower(),
            "exit_code": int(outcome.code),
        },
    )


def happenings(outcome: Outcome) -> list[Happening]:
    """The Events of a run: each act, each trouble, and that it failed where neither says so."""
    acts = [_happening(token, decision) for token, decision in outcome.told.acts]
    troubles = [_happening(token, decision, warning=True) for token, decision in outcome.troubles]
    if outcome.code is ExitCode.FINE or troubles:
        return [*acts, *troubles]
    note = "; ".join(outcome.told.errors or outcome.told.failed) or f"see the log of run {outcome.run}"
    return [*acts, Happening("RunFailed", outcome.job, f"{_WORDS[outcome.code]}: {note}", warning=True)]


def _happening(token: str, decision: Decision, *, warning: bool = False) -> Happening:
    return Happening(decision.reason, decision.action, f"{token}: {decision.message}", warning)


def _line(token: str, decision: Decision) -> str:
    return f"{token}: {decision.action} ({decision.reason}): {decision.message}"
