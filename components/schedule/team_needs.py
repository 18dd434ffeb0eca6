"""What the jobs, and a job that bootstraps a team, may do with an operator's records and its teams' Secrets.

Records and Secrets of teams are written only over what was read: a PUT, or a POST where there is nothing yet. So here
`create` has no name, and is granted for ConfigMaps beside the records and for Secrets of a team's own namespace alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from components.operator_judging import is_operational
from components.operator_settings import OperatorSettings
from components.schedule.rights import READ, Right, roles
from components.schedule.settings import Manifest
from components.settings import Settings
from rotation.operator_tokens.published import secret_name
from rotation.operator_tokens.record import RecordPlace

ACCOUNT = "token-rotation-bootstrap"
"""Of the jobs that bootstrap a team: this and the team's name."""
CHANGE = ("get", "update")
_ANY = ""


def records_of(settings: Settings) -> RecordPlace | None:
    """Where the records of the stack's operator stand; None without one."""
    if settings.operator:
        return settings.backends[settings.operator.backend].records_place
    return next((settings.backends[backend].records_place for backend in _operators(settings)), None)


def of_runs(settings: Settings) -> Iterator[Right]:
    """A run and a retirement change records by name; what they look for, and what is not there yet, has none."""
    for backend in _operators(settings):
        place = settings.backends[backend].records_place
        yield Right(place.namespace, "", "configmaps", _ANY, ("create", "list"))
        yield from _records(settings, backend, CHANGE)
    operator = settings.operator
    if operator is None:
        return
    for team in sorted({*operator.namespaces, *operator.revoked}):
        yield from _of_team(team)
        yield Right("", "", "namespaces", team)
    for team in operator.namespaces:
        yield from _owner(team, operator)
    for token in settings.tokens.values():
        if token.backend == operator.backend and is_operational(token.spec):
            yield from _owner(str(token.spec["namespace"]), operator)
            yield _events(str(token.spec["namespace"]))


def of_readers(settings: Settings) -> Iterator[Right]:
    """The validation finds a value by its hash, in whichever record that stands."""
    yield from of_exporter(settings)
    for backend in _operators(settings):
        yield from _records(settings, backend, READ)


def of_exporter(settings: Settings) -> Iterator[Right]:
    """It lists them all."""
    for backend in _operators(settings):
        yield Right(settings.backends[backend].records_place.namespace, "", "configmaps", _ANY, ("list",))


def bootstrap_accounts(settings: Settings) -> list[Manifest]:
    """For each team that may bootstrap at run time an account, and the Roles for what its bootstrap writes.

    The account stands beside the records, where no team can start a pod with it: who can write a team's record lets in
    whatever value they like, and needs no admission token.
    """
    if settings.operator is None:
        return []
    home = settings.backends[settings.operator.backend].records_place
    return [manifest for team in settings.operator.namespaces for manifest in _account(home, team, settings.operator)]


def _account(home: RecordPlace, team: str, operator: OperatorSettings) -> list[Manifest]:
    name = f"{ACCOUNT}-{team}"
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "bootstrap",
        "app.kubernetes.io/part-of": "token-rotation",
        "app.kubernetes.io/managed-by": "token-rotation",
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"namespace": home.namespace, "name": name, "labels": labels},
        "automountServiceAccountToken": False,
    }
    record = Right(home.namespace, "", "configmaps", f"{home.name}-{team}", CHANGE)
    rights = [record, *_of_team(team), *_owner(team, operator), Right(team, "", "secrets", _ANY, ("create",))]
    return [account, *roles(name, home.namespace, rights, labels)]


def _of_team(team: str) -> Iterator[Right]:
    """Its operational Secret and its Events."""
    yield Right(team, "", "secrets", secret_name(team), CHANGE)
    yield _events(team)


def _events(team: str) -> Right:
    """By which a team is told how it stands."""
    return Right(team, "events.k8s.io", "events", _ANY, ("create",))


def _owner(team: str, operator: OperatorSettings) -> Iterator[Right]:
    """What is to own its Secret is looked up."""
    if operator.owner:
        group = operator.owner.api_version.rpartition("/")[0]
        plural = operator.owner.path_in(team).split("/")[-2]
        yield Right(team, group, plural, operator.owner.name_in(team))


def _records(settings: Settings, backend: str, verbs: tuple[str, ...]) -> Iterator[Right]:
    """Each record of a team that the config names."""
    place, operator = settings.backends[backend].records_place, settings.operator
    teams = {str(token.spec["namespace"]) for token in settings.tokens.values() if token.backend == backend}
    if operator and operator.backend == backend:
        teams |= {*operator.namespaces, *operator.revoked}
    yield from (Right(place.namespace, "", "configmaps", f"{place.name}-{team}", verbs) for team in sorted(teams))


def _operators(settings: Settings) -> Iterable[str]:
    """The backends of this kind that a token or the keeper uses."""
    used = {token.backend for token in settings.tokens.values()}
    used |= {settings.operator.backend} if settings.operator else set()
    return [name for name in settings.backends if name in used and settings.kind_name(name) == "operator"]
