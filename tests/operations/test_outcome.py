"""What people are told of a template: that it was deployed, and why it was not."""

from __future__ import annotations

from operations.exit_code import ExitCode, heals, judge
from operations.outcome import Outcome, happenings, is_worth_telling, message
from operations.told import Told
from rotation.errors import UnfitTemplate
from rotation.reasons import Action, Decision, Reason, reason_line
from rotation.run_record import RETIRE
from tests.operations.facts import a_record

DEPLOYED = Decision(Action.DEPLOY, Reason.TEMPLATE_CHANGED, "its files or variables changed")
FAILED = Decision(Action.DEFER, Reason.TEMPLATE_FAILED, "build the template docker: no such module")
ERROR = "Refused: build the template docker at coder: no such module. Correct the template's files."


def _outcome(code: ExitCode, *lines: str) -> Outcome:
    return Outcome("run", "r1", "homelab", code, Told(lines))


def test_a_deployment_is_an_act_that_people_are_told_of() -> None:
    """A run that did nothing else is worth a notification and an Event."""
    outcome = _outcome(ExitCode.FINE, reason_line("docker", DEPLOYED))
    assert is_worth_telling(outcome, None)
    assert message(outcome).lines == ["docker: deploy (TemplateChanged): its files or variables changed"]
    (happened,) = happenings(outcome)
    assert (happened.reason, happened.action, happened.warning) == ("TemplateChanged", "deploy", False)


def test_a_failure_is_told_with_its_cause() -> None:
    """As a trouble with a reason of its own and with the error; the Event is a warning."""
    lines = [reason_line("docker", DEPLOYED), reason_line("docker", FAILED), f"    error: {ERROR}"]
    outcome = _outcome(ExitCode.FAILED, *lines)
    assert message(outcome).grave
    assert "docker: defer (TemplateFailed): build the template docker: no such module" in message(outcome).lines
    assert ERROR in message(outcome).lines
    assert [happened.reason for happened in happenings(outcome) if happened.warning] == ["TemplateFailed"]


def test_a_template_that_would_fail_makes_the_run_a_failed_one() -> None:
    """The CLI's own code may be fine, as in a dry run. Either way nothing is tried again: files do not heal."""
    assert judge(0, [], [FAILED]) is ExitCode.FAILED
    away = Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, "no answer")
    for code in (0, 255):
        assert not heals(ExitCode.FAILED, code, [FAILED])
        assert heals(ExitCode.FAILED, code, [FAILED, away]), "something else may heal"
    assert heals(ExitCode.FAILED, 255, [])


def test_files_that_cannot_be_packed_are_no_refused_input() -> None:
    """The other tokens were rotated; and a person who is needed for one of them is called all the same."""
    text = str(UnfitTemplate("pack", "main.tf is a link", "Put the file itself there."))
    lines = [f"    error: {text}"]
    assert judge(255, lines, [FAILED]) is ExitCode.FAILED
    needed = Decision(Action.DEFER, Reason.BOOTSTRAP_NEEDED, "a person has to give one")
    assert judge(255, lines, [FAILED, needed]) is ExitCode.NEEDS_BOOTSTRAP


def test_who_waits_for_a_person_hides_no_failure_of_another() -> None:
    """Code 5 says that all else went on; a template of the waiting token waits with it."""
    needed = Decision(Action.DEFER, Reason.BOOTSTRAP_NEEDED, "a person has to give one")
    ours = "pulumi-python:dynamic/token-rotation"
    waiting = [
        reason_line("coder", needed),
        f" +  {ours}:Token coder-token **creating failed** error: BootstrapNeeded: x.",
    ]
    template = f" +  {ours}:CoderTemplate docker-template **creating failed** error: ClusterError: deploy: no token."
    published = " ~  kubernetes:core/v1:Secret admin-secret-apps/admin **updating failed** error: forbidden"
    assert judge(255, [*waiting, template], [needed, FAILED]) is ExitCode.NEEDS_BOOTSTRAP
    assert judge(255, [*waiting, published], [needed]) is ExitCode.FAILED
    away = Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, "no answer")
    assert judge(255, [*waiting, reason_line("vault", away)], [needed, away]) is ExitCode.FAILED


def test_the_hourly_job_tells_each_act() -> None:
    """A trouble that was told and stays hides no token that was ended meanwhile."""
    unrevoked = Decision(Action.DEFER, Reason.REVOCATION_FAILED, "x could not be ended")
    ended = Decision(Action.RETIRE, Reason.DEADLINE_PASSED, "y was ended")
    before = a_record(RETIRE, exit_code=ExitCode.NEEDS_A_PERSON)

    def outcome(*lines: str) -> Outcome:
        return Outcome(RETIRE, "r1", "homelab", ExitCode.NEEDS_A_PERSON, Told(lines))

    assert not is_worth_telling(outcome(reason_line("a", unrevoked)), before)
    assert is_worth_telling(outcome(reason_line("a", unrevoked), reason_line("b", ended)), before)
