"""Coder's four states and both ways to begin, through the real CLI and the commands that a person is told to use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from operations.exit_code import ExitCode
from tests.end_to_end.coder_stack import ADMIN, MONTH, PASSWORD, TOKEN, WEEK, CoderStack, beside_coder
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import scheduled_run

AUTHENTIK = {"backend": "authentik", "policy": POLICY}


@pytest.fixture
def coder(stack: Stack) -> Iterator[CoderStack]:
    """A fresh Coder beside the stack."""
    with beside_coder(stack) as made:
        yield made


def _run(coder: CoderStack) -> tuple[int, str]:
    ended = scheduled_run(coder.stack, "1s")
    return ended.returncode, ended.stdout


def test_without_a_user_a_person_begins_and_the_other_tokens_go_on(coder: CoderStack) -> None:
    """No user: own exit code, steps with everything filled in, a placeholder; then a user, a token, and it goes on."""
    stack = coder.stack
    coder.declare(policy=WEEK, admin=AUTHENTIK)
    code, output = _run(coder)
    assert code == ExitCode.NEEDS_BOOTSTRAP, output
    assert "the server has no user yet" in output
    assert stack.authentik.accepts(stack.secret("admin")["token"]), "the other token was minted and published"
    assert stack.secret(coder.secret)["token"].startswith("placeholder-")
    note = coder.note()
    assert note is not None
    assert note["standing"] == "NoUsers"
    command = f"tokens accept {stack.namespace}/{coder.secret} --kind coder --url {coder.url}"
    assert coder.url in note["instructions"]
    assert command in note["instructions"]
    assert command in stack.preview(check=False).output, "the dry run shows the steps"

    coder.make_first_user()
    code, output = _run(coder)
    assert code == ExitCode.NEEDS_BOOTSTRAP, output
    assert "no token was given yet" in output
    assert (coder.note() or {})["standing"] == "NoToken"

    value = coder.coder.issue(ADMIN, "template-automation", lifetime=timedelta(days=7))
    accepted = coder.accept(value)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert value not in accepted.stdout + accepted.stderr
    code, output = _run(coder)
    assert code == ExitCode.FINE, output
    assert f"{TOKEN}" in output
    assert "Adopted" in output
    assert value not in output
    assert stack.secret(coder.secret)["token"] == value
    assert coder.note() is None
    assert "token-rotation/placeholder" not in stack.secret_metadata(coder.secret).annotations
    stack.up("--expect-no-changes")

    stack.pass_days(4.5)
    stack.up()
    rotated = stack.secret(coder.secret)
    assert rotated["token-previous"] == value
    assert coder.coder.accepts(rotated["token"])
    assert [name for name in coder.names() if name.startswith("template-automation-")]
    stack.pass_days(1.5)
    stack.up()
    assert not coder.coder.accepts(value)
    assert len(coder.names()) == 1


def test_a_token_that_is_refused_calls_a_person_and_a_new_one_is_taken(coder: CoderStack) -> None:
    """Expired at the server: own exit code, steps in the receipt; what a person gives then is proved and taken."""
    stack = coder.stack
    coder.make_first_user()
    coder.declare(policy=WEEK, bootstrap={"username": ADMIN})
    first = coder.coder.issue(ADMIN, "template-automation", lifetime=timedelta(days=7))
    assert coder.accept(first).returncode == 0
    assert _run(coder)[0] == ExitCode.FINE
    receipt = stack.receipt(TOKEN) or {}
    assert (receipt["conditions"], receipt["instructions"]) == ([], "")

    stack.pass_days(8)  # nobody ran it: the token has ended
    code, output = _run(coder)
    assert code == ExitCode.NEEDS_BOOTSTRAP, output
    assert "the server refuses the token that stands there" in output
    receipt = stack.receipt(TOKEN) or {}
    assert receipt["conditions"] == ["BootstrapNeeded"]
    assert coder.url in receipt["instructions"]
    assert ADMIN in receipt["instructions"]
    assert stack.secret(coder.secret)["token"] == first, "what stands there is left to the person"

    slip = coder.accept("abcdefghij-0123456789012345678901")
    assert slip.returncode != 0, "what does not work is not put there"
    assert stack.secret(coder.secret)["token"] == first
    second = coder.coder.issue(ADMIN, "by-hand", lifetime=timedelta(days=7))
    assert coder.accept(second).returncode == 0
    code, output = _run(coder)
    assert code == ExitCode.FINE, output
    assert stack.secret(coder.secret)["token"] == second
    receipt = stack.receipt(TOKEN) or {}
    assert (receipt["conditions"], receipt["instructions"]) == ([], "")


def test_by_itself_it_makes_the_first_user_mints_rotates_and_comes_back(coder: CoderStack) -> None:
    """The automatic path: the dry run makes nobody's user; a run does, mints, rotates, and heals what was deleted."""
    stack = coder.stack
    coder.declare(policy=WEEK, bootstrap=coder.logs_in_by_itself())
    stack.preview()
    assert coder.coder.calls["POST", "/users/first"] == 0
    finished = stack.up()
    assert PASSWORD not in finished.output
    value = stack.secret(coder.secret)["token"]
    assert coder.coder.accepts(value)
    (name,) = coder.names()
    assert name == f"template-automation-{stack.published_generation(coder.secret)}"
    stack.up("--expect-no-changes")

    stack.pass_days(4.5)
    stack.up()
    assert stack.secret(coder.secret)["token-previous"] == value

    stack.pass_days(30)  # no run came: everything has ended
    code, output = _run(coder)
    assert code == ExitCode.FINE, output
    assert "RejectedByBackend" in output
    healed = stack.secret(coder.secret)["token"]
    assert coder.coder.accepts(healed)
    stack.up()
    assert len(coder.names()) == 1


def test_a_month_for_an_owner_is_refused_with_both_remedies(coder: CoderStack) -> None:
    """On a default server an Owner's token lives 7 days: 30 are refused before anything is minted."""
    stack = coder.stack
    coder.declare(policy=MONTH, bootstrap=coder.logs_in_by_itself())
    refused = stack.up(check=False)
    assert refused.code != 0
    assert "Template Admin" in refused.output
    assert "CODER_MAX_ADMIN_TOKEN_LIFETIME" in refused.output
    assert coder.names() == []


def test_a_server_that_is_away_is_no_state(coder: CoderStack) -> None:
    """No answer is not taken for a fresh deployment: the run fails as any other, and nobody is sent to make a user."""
    coder.declare(policy=WEEK)
    coder.faults.down = True
    code, output = _run(coder)
    assert code == ExitCode.FAILED, output
    assert "BootstrapNeeded" not in output
    assert coder.note() is None
