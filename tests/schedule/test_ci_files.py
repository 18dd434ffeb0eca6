"""The files for CI: they parse, their commands exist, what is foreign is pinned, and no credential lies open."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rotation.backends.transport import Request, Response
from rotation.reasons import Action, Decision, Reason, reason_line
from sandbox.serve import mounted
from tests.architecture.sources import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
GITLAB = ROOT / "deploy" / "gitlab" / "rotation.gitlab-ci.yml"
SHA, RELEASE = re.compile(r"[0-9a-f]{40}"), re.compile(r"v?\d+\.\d+\.\d+")
OURS = re.compile(r"(?<![\w/.])(?:\.ci|deploy|tests|docs)/[\w./-]+")
PLANTED = "s3cr3t-value-of-a-token"


@cache
def workflow(path: Path) -> dict[Any, Any]:
    """A workflow. YAML takes its key `on` for true."""
    return dict(yaml.safe_load(path.read_text()))


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of every job."""
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    """The jobs of the GitLab template, without its hidden ones."""
    content = yaml.safe_load(GITLAB.read_text())
    return {name: job for name, job in content.items() if isinstance(job, dict) and not name.startswith(".")}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_limits(path: Path) -> None:
    """Each job may run for so long, and may write only what it says."""
    assert workflow(path)["permissions"] == {"contents": "read"}
    for name, job in workflow(path)["jobs"].items():
        assert "timeout-minutes" in job or name == "comment", name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_foreign_actions_are_pinned(path: Path) -> None:
    """An action of GitHub's own names a release, any other a commit."""
    for step in steps(path):
        if "uses" in step:
            action, _, version = step["uses"].partition("@")
            assert (RELEASE if action.startswith("actions/") else SHA).fullmatch(version), step["uses"]


@pytest.mark.parametrize("path", [*WORKFLOWS, GITLAB], ids=lambda path: path.name)
def test_commands_of_ours_exist(path: Path) -> None:
    """Every file of ours that a command names is there, and can be run where it is the command."""
    commands = [step.get("run", "") for step in steps(path)] if path != GITLAB else _gitlab_scripts()
    for command in commands:
        for name in OURS.findall(command):
            file = ROOT / name
            assert file.is_file(), name
            assert file.suffix == ".py" or os.access(file, os.X_OK), name


@pytest.mark.parametrize("path", [*WORKFLOWS, GITLAB], ids=lambda path: path.name)
def test_tokens_commands_exist(path: Path) -> None:
    """Every `tokens` command of a file is one, with the options that it is given."""
    for words in re.findall(r"tokens (\w+)((?: --[\w-]+(?: \w+)?)*)", path.read_text()):
        ended = subprocess.run(
            [sys.executable, "-m", "operations", words[0], "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, words
        for option in re.findall(r"--[\w-]+", words[1]):
            assert option in ended.stdout


def test_the_tests_of_ci_are_those_of_the_readme() -> None:
    """CI runs `.ci/run`, and nothing beside it."""
    commands = [step["run"] for step in steps(ROOT / ".github" / "workflows" / "tests.yaml") if "run" in step]
    assert commands == [".ci/run"]


def test_runs_of_one_stack_wait_for_each_other() -> None:
    """Neither CI cuts a run off, and neither begins a second one beside it."""
    rotation = workflow(ROOT / ".github" / "workflows" / "rotation.yaml")
    assert rotation["concurrency"]["cancel-in-progress"] is False
    assert "PULUMI_STACK" in rotation["concurrency"]["group"]
    run = gitlab_jobs()["rotation-run"]
    assert "PULUMI_STACK" in run["resource_group"]
    assert run["interruptible"] is False


def test_the_daily_run_of_github_is_at_two() -> None:
    """The scheduled run begins at 02:00 UTC, as the CronJob does."""
    assert workflow(ROOT / ".github" / "workflows" / "rotation.yaml")[True]["schedule"] == [{"cron": "0 2 * * *"}]


def test_who_comments_holds_no_credential() -> None:
    """The job that may write comments gets no secret, and the job with secrets may write nothing."""
    jobs = workflow(ROOT / ".github" / "workflows" / "rotation.yaml")["jobs"]
    assert "secrets." not in yaml.safe_dump(jobs["comment"])
    assert "permissions" not in jobs["preview"]


def test_a_foreign_pull_request_gets_no_credentials() -> None:
    """The preview is for branches of the repository itself, with both."""
    preview = workflow(ROOT / ".github" / "workflows" / "rotation.yaml")["jobs"]["preview"]
    assert "head.repo.full_name == github.repository" in preview["if"]
    assert preview["environment"] == "preview"
    for name in ("rotation-preview", "rotation-comment"):
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in gitlab_jobs()[name]["rules"][0]["if"]


def test_a_comment_tells_reasons_and_counts_and_no_diff() -> None:
    """Of a preview's output the comment has the reasons and the counts; a value in the diff stays out."""
    due = Decision(Action.ROTATE, Reason.NEARING_EXPIRY, "it ends in 30d | and rotates now")
    lines = [
        "Previewing update (homelab):",
        f"    {reason_line('vault-admin', due)}",
        f'      ~ value: "{PLANTED}" => "{PLANTED}-2"',
        f"    {reason_line('vault-admin', due)}",
        "Resources:",
        "    ~ 3 to update",
        "    +-1 to replace",
        "    12 unchanged",
    ]
    told = _comment("\n".join(lines))
    assert PLANTED not in told
    assert told.count("| vault-admin | rotate | NearingExpiry |") == 1
    assert r"30d \| and rotates" in told
    assert "~ 3 to update, +-1 to replace, 12 unchanged" in told


def test_a_comment_on_a_preview_that_failed_says_so() -> None:
    """Where there are no counts the comment sends its reader to the log."""
    assert "see its log" in _comment("error: no stack selected")


def test_a_preview_in_ci_ends_as_the_preview_did(tmp_path: Path) -> None:
    """The command of CI writes the comment, shows no diff, tells errors, and ends with the preview's own code."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(
        f'#!/bin/sh\necho "  ~ value: {PLANTED}"\necho "error: it is away"\ntest -n "$KUBECONFIG"; exit 7\n'
    )
    pulumi.chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.defpath}",
        "KUBECONFIG_CONTENT": PLANTED,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path),
    }
    command = [ROOT / "deploy" / "ci" / "preview", tmp_path / "comment.md"]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 7
    assert "error: it is away" in ended.stdout
    assert PLANTED not in ended.stdout + ended.stderr
    assert "what a run would do" in (tmp_path / "comment.md").read_text()
    assert {file.name for file in tmp_path.iterdir()} == {"pulumi", "comment.md"}, "no kubeconfig is left"


def test_a_comment_reaches_the_merge_request_of_gitlab(tmp_path: Path) -> None:
    """The file becomes one note of the pipeline's merge request, by the project's own token."""
    heard: list[Request] = []

    def gitlab(request: Request) -> Response:
        heard.append(request)
        return Response(201, {}, b"{}")

    file = tmp_path / "comment.md"
    file.write_text("### what a run would do")
    with mounted(gitlab) as url:
        given = {"CI_API_V4_URL": f"{url}/api/v4", "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "3"}
        environ = {"PATH": os.defpath, "COMMENT_TOKEN": PLANTED, **given}
        command = [sys.executable, str(ROOT / "deploy" / "gitlab" / "comment.py"), str(file)]
        subprocess.run(command, env=environ, check=True, capture_output=True)
    (request,) = heard
    assert (request.method, request.path) == ("POST", "/api/v4/projects/7/merge_requests/3/notes")
    assert request.json() == {"body": file.read_text()}
    assert {name.lower(): value for name, value in request.headers.items()}["private-token"] == PLANTED


def _comment(output: str) -> str:
    script = ROOT / "deploy" / "ci" / "reasons.py"
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, script], input=output, env=environ, capture_output=True, text=True, check=True
    )
    return ended.stdout


def _gitlab_scripts() -> list[str]:
    return [line for job in gitlab_jobs().values() for line in job.get("script", [])]
