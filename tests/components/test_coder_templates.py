"""Coder's templates in the config, and what a scheduled run may do for them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from components.schedule.needs import places, rights
from components.schedule.rights import KEEP, READ, Right
from components.schedule.settings import Job, ScheduleSettings
from components.settings import Settings
from tests.components.stack_config import ADMIN, AUTHENTIK, read, refusal
from tests.schedule.sample import SCHEDULE

CODER = {"url": "https://coder.example.com", "credential": {"env": "CODER_TOKEN"}}
SECRET = {"kubernetesSecret": {"namespace": "coder", "name": "coder-admin-api-token"}}
AUTOMATION = {"backend": "coder", "publish": [SECRET]}
TOKENS = {"admin": ADMIN, "coder-admin": AUTOMATION}
BACKENDS = {"authentik": AUTHENTIK, "coder": CODER}
FILES = {"configMap": {"namespace": "coder"}}
DOCKER = {"token": "coder-admin", **FILES}


def _read(**template: Any) -> Settings:
    return read(TOKENS, BACKENDS, coder_templates={"docker": {**DOCKER, **template}})


def _refused(name: str = "docker", tokens: Any = None, **template: Any) -> str:
    declared = {key: value for key, value in {**DOCKER, **template}.items() if value is not None}
    return refusal(tokens or TOKENS, BACKENDS, coder_templates={name: declared})


def test_a_template_has_defaults() -> None:
    """The ConfigMap of seed 004, the first organization, ten minutes, and no version that is held."""
    template = _read().coder_templates["docker"]
    assert str(template.config_map) == "coder/coder-template-files"
    assert (template.organization, template.time_limit) == ("default", timedelta(minutes=10))
    assert (template.active, template.variables, template.folder) == ("", {}, "")


def test_a_folder_is_read_relative_to_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there is refused before anything is touched."""
    monkeypatch.chdir(tmp_path)
    assert "folder: there is no folder 'templates/docker'" in _refused(folder="templates/docker", configMap=None)
    (tmp_path / "templates" / "docker").mkdir(parents=True)
    assert _read(folder="templates/docker", configMap=None).coder_templates["docker"].config_map is None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"folder": "."}, "exactly one source: folder or configMap"),
        ({"configMap": None}, "exactly one source: folder or configMap"),
        ({"token": "nobody"}, "'nobody' is no Coder token of this stack"),
        ({"token": "admin"}, "'admin' is no Coder token of this stack"),
        ({"configMap": {"namespace": "Coder"}}, "coder_templates.docker.configMap.namespace"),
        ({"configMap": {"namespace": "coder", "key": "x"}}, "this key is unknown"),
        ({"variables": {"cpus": 4}}, "coder_templates.docker.variables.cpus"),
        ({"time_limit": "soon"}, "coder_templates.docker.time_limit"),
        ({"description": "x" * 128}, "coder_templates.docker.description"),
        ({"files": "."}, "this key is unknown"),
    ],
)
def test_what_cannot_hold_is_refused(changes: dict[str, Any], cause: str) -> None:
    """By its key and its cause."""
    assert cause in _refused(**changes)


@pytest.mark.parametrize("name", ["a--b", "-a", "a_b", "x" * 33, "a b"])
def test_a_name_that_the_server_refuses_is_refused_here(name: str) -> None:
    """Letters, digits and single hyphens, at most 32."""
    assert "is no name of a template" in _refused(name)


def test_a_token_that_no_run_can_read_deploys_nothing() -> None:
    """It has to be published to a Secret: that is where the verb finds it."""
    elsewhere = {"coder-admin": {**AUTOMATION, "publish": [{"vaultKv": {"mount": "secret", "path": "coder"}}]}}
    assert "is published to no Secret" in _refused(tokens=elsewhere)


def test_a_run_may_read_the_files_and_nothing_more() -> None:
    """One ConfigMap, by its name, for the run alone; the token's Secret it keeps anyway."""
    with_it = _rights(read(TOKENS, BACKENDS, coder_templates={"docker": DOCKER}))
    without = _rights(read(TOKENS, BACKENDS))
    assert Right("coder", "", "secrets", "coder-admin-api-token", KEEP) in without[Job.RUN]
    more = {job: set(with_it[job]) - set(without[job]) for job in Job}
    namespace = {right for right in more[Job.RUN] if right.resource in {"roles", "rolebindings"}}
    assert more[Job.RUN] - namespace == {Right("coder", "", "configmaps", "coder-template-files", READ)}
    assert {right.verbs for right in namespace} <= {READ}
    assert [more[job] for job in Job if job is not Job.RUN] == [set()] * 3
    assert [job for job in Job if set(without[job]) - set(with_it[job])] == []


def test_a_folder_needs_no_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with the project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docker").mkdir()
    template = {"token": "coder-admin", "folder": "docker"}
    assert _rights(read(TOKENS, BACKENDS, coder_templates={"docker": template})) == _rights(read(TOKENS, BACKENDS))


def _rights(settings: Settings) -> dict[Job, list[Right]]:
    schedule = ScheduleSettings.model_validate({**SCHEDULE, "namespace": "token-rotation"})
    found: dict[Job, list[Right]] = rights(settings, schedule, places(settings, "authentik"))
    return found
