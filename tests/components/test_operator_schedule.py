"""What an operator adds to the schedule: accounts for bootstrap jobs, rights by name, and what the exporter reads."""

from __future__ import annotations

from typing import Any

from components.schedule.jobs import Places
from components.schedule.needs import places, rights
from components.schedule.rights import Right, merged
from components.schedule.settings import Job, Manifest, ScheduleSettings
from components.schedule.team_needs import bootstrap_accounts
from components.settings import Settings
from tests.components.stack_config import ADMIN, AUTHENTIK, read
from tests.schedule.sample import SCHEDULE
from tests.schedule.team_sample import RECORDS, TeamSample

BACKENDS: dict[str, Any] = {"authentik": AUTHENTIK, "operator": {}}
SYSTEM, NAME = "keycloak-system", "keycloak-operator-token-metadata"
VERBS_OF_A_WRITER = {"create", "update", "patch", "delete"}


def _declared(namespace: str) -> dict[str, Any]:
    place = {"kubernetesSecret": {"namespace": namespace, "name": "token"}}
    return {"backend": "operator", "spec": {"namespace": namespace}, "publish": [place]}


def _rights(settings: Settings) -> dict[Job, list[Right]]:
    schedule = ScheduleSettings.model_validate({**SCHEDULE, "namespace": "token-rotation"})
    found: dict[Job, list[Right]] = rights(settings, schedule, _places(settings), ())
    return found


def _places(settings: Settings) -> Places:
    return places(settings, "authentik")


def _of_records(settings: Settings, job: Job) -> dict[str, tuple[str, ...]]:
    """What a job may do with ConfigMaps beside the records, by name."""
    found = [right for right in merged(_rights(settings)[job]) if right.namespace == SYSTEM]
    return {right.name: right.verbs for right in found if right.resource == "configmaps"}


def _environment(manifest: Manifest) -> dict[str, str]:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_an_operator_that_nobody_uses_adds_nothing() -> None:
    """A backend of this kind alone, without a token and without a keeper, is no reason for a right."""
    plain = read({"admin": ADMIN}, {"authentik": AUTHENTIK})
    unused = read({"admin": ADMIN}, BACKENDS)
    assert _rights(unused) == _rights(plain)
    assert _places(unused).records is None
    assert bootstrap_accounts(unused) == []


def test_a_declared_team_needs_no_keeper() -> None:
    """Its record is changed by name; beside the records ConfigMaps are listed, and made where there is none yet."""
    settings = read({"team-a": _declared("team-a")}, BACKENDS)
    assert _of_records(settings, Job.RUN) == {"": ("create", "list"), f"{NAME}-team-a": ("get", "update")}
    assert _of_records(settings, Job.RETIREMENT) == _of_records(settings, Job.RUN)
    assert _of_records(settings, Job.VALIDATION) == {"": ("list",), f"{NAME}-team-a": ("get",)}
    assert _of_records(settings, Job.EXPORTER) == {"": ("list",)}
    assert bootstrap_accounts(settings) == []


def test_a_team_that_the_config_does_not_name_is_out_of_reach() -> None:
    """No right on a Secret has no name, and nobody but the bootstrap job makes one."""
    settings = read(
        {"team-a": _declared("team-a")}, BACKENDS, operator={"namespaces": ["team-b"], "revoked": ["team-c"]}
    )
    for job, granted in _rights(settings).items():
        secrets = [right for right in granted if right.resource == "secrets"]
        assert all(right.name for right in secrets), job
        teams = {
            right.namespace: set(right.verbs) for right in merged(secrets) if right.name.endswith("-operator-token")
        }
        changed = {team for team, verbs in teams.items() if verbs & VERBS_OF_A_WRITER}
        assert changed == ({"team-b", "team-c"} if job in (Job.RUN, Job.RETIREMENT) else set())


def test_each_team_that_bootstraps_itself_has_an_account_beside_the_records() -> None:
    """Not in the team's namespace, where the team could start a pod with it; no pod gets its token unasked."""
    operator = {"namespaces": ["team-b", "team-d"], "revoked": ["team-c"]}
    made = bootstrap_accounts(read({"team-a": _declared("team-a")}, BACKENDS, operator=operator))
    accounts = {one["metadata"]["name"]: one for one in made if one["kind"] == "ServiceAccount"}
    assert accounts.keys() == {"token-rotation-bootstrap-team-b", "token-rotation-bootstrap-team-d"}
    assert {one["metadata"]["namespace"] for one in accounts.values()} == {SYSTEM}
    assert {one["automountServiceAccountToken"] for one in accounts.values()} == {False}
    subjects = {(one["subjects"][0]["name"], one["subjects"][0]["namespace"]) for one in made if "subjects" in one}
    assert subjects == {(name, SYSTEM) for name in accounts}


def test_the_exporter_is_told_where_the_records_are() -> None:
    """Where there is an operator; else it asks for none."""
    told = _environment(TeamSample(mark="sample").one("Deployment", "token-rotation-exporter"))
    assert told["TOKEN_ROTATION_RECORDS"] == f"sample-system/{RECORDS}"
    settings = read({"team-a": _declared("team-a")}, BACKENDS)
    assert _places(settings).records == (SYSTEM, NAME)
