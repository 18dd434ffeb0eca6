"""What a scheduled run ends with, and what of its output decides it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from operations.told import Told
from rotation.reasons import Decision, Reason


class ExitCode(IntEnum):
    """0 fine, 1 failed, 2 refused, 3 needs a person, 4 a live run holds the lock, 5 waits for a first credential."""

    FINE = 0
    FAILED = 1
    REFUSED_INPUT = 2
    NEEDS_A_PERSON = 3
    LOCKED = 4
    NEEDS_BOOTSTRAP = 5


_NEEDS_A_PERSON = frozenset(
    {
        Reason.STATE_IS_OLDER,
        Reason.LEDGER_FULL,
        Reason.REVOCATION_FAILED,
        Reason.NOTHING_TO_ROLL_BACK_TO,
        Reason.SECOND_WRITER,
        Reason.EVIDENCE_MISSING,
    }
)
_HEALS = frozenset(
    {
        Reason.BACKEND_UNREACHABLE,
        Reason.PREVIOUS_UNPUBLISHED,
        Reason.CLUSTER_AWAY,
        Reason.WAITING_FOR_DEPENDENCY,
    }
)
_FAILED = _HEALS | {Reason.BACKEND_REFUSES, Reason.TEMPLATE_FAILED}
_REFUSED = (
    "InvalidSettings:",
    "incorrect passphrase",
    "PULUMI_CONFIG_PASSPHRASE",
    "already defined at line",
    "no stack named",
    "no stack selected",
    "Pulumi.yaml project file",
)


def refused_input(lines: Iterable[str]) -> str:
    """The first error line that tells of bad input; empty when there is none."""
    return next((line.strip() for line in lines if _is_error(line) and any(mark in line for mark in _REFUSED)), "")


def judge(code: int, lines: list[str], decisions: Iterable[Decision]) -> ExitCode:
    """The exit code of a run whose `pulumi up` ended with `code`, printed `lines` and told `decisions`."""
    reasons = {decision.reason for decision in decisions}
    if code and refused_input(lines):
        return ExitCode.REFUSED_INPUT
    if Reason.BOOTSTRAP_NEEDED in reasons and not _fails_otherwise(Told(lines)):
        return ExitCode.NEEDS_BOOTSTRAP
    if reasons & _NEEDS_A_PERSON:
        return ExitCode.NEEDS_A_PERSON
    if code or reasons & _FAILED:
        return ExitCode.FAILED
    return ExitCode.FINE


def _fails_otherwise(told: Told) -> bool:
    """Whether anything failed but tokens that wait for a first credential, and the templates deployed with them."""
    waiting = {f"{token}-token" for token, decision in told.decisions if decision.reason is Reason.BOOTSTRAP_NEEDED}
    failed = [name for name in told.failed if "CoderTemplate" not in name and name.rpartition(" ")[2] not in waiting]
    others = {decision.reason for _, decision in told.decisions} & _FAILED - {Reason.TEMPLATE_FAILED}
    return bool(failed or others)


def needs_a_person(reason: Reason) -> bool:
    """Whether no later run can settle this by itself."""
    return reason in _NEEDS_A_PERSON or reason is Reason.BOOTSTRAP_NEEDED


def is_failure(reason: Reason) -> bool:
    """Whether a decision for this reason means that something that was due could not be done."""
    return reason in _FAILED


def heals(outcome: ExitCode, code: int, decisions: Iterable[Decision]) -> bool:
    """Whether trying again soon may help. What a backend refuses, it refuses again, and an audit log fills with it.

    A template that failed ends the CLI with a code, and is not built twice for it.
    """
    reasons = {decision.reason for decision in decisions}
    is_explained = Reason.TEMPLATE_FAILED in reasons
    return outcome is ExitCode.FAILED and bool(reasons & _HEALS or (code and not is_explained))


def _is_error(line: str) -> bool:
    return "error:" in line or "InvalidSettings:" in line
