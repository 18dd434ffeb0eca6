"""Which rights each job needs, computed from the settings of the whole stack: no Role says more than they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from components.schedule import team_needs
from components.schedule.jobs import LEASE, Places
from components.schedule.manifests import manifests, right_to
from components.schedule.rights import CHANGE, KEEP, READ, Right
from components.schedule.settings import Job, ScheduleSettings
from components.settings import Settings, TokenSettings
from rotation.evidence import Source
from rotation.preferences import SETTINGS_SECRET
from rotation.validation_plan import plan_name

_LEASES = "coordination.k8s.io"
_EVENTS = "events.k8s.io"
_EXTERNAL_SECRETS = "external-secrets.io"
_WORKLOADS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def places(settings: Settings, preferences_namespace: str) -> Places:
    """Where the jobs find what the stack keeps in the cluster."""
    receipts = settings.cluster.receipts
    records = team_needs.records_of(settings)
    return Places(
        (receipts.namespace, receipts.name),
        (preferences_namespace, SETTINGS_SECRET),
        (records.namespace, records.name) if records else None,
    )


def urls(settings: Settings, schedule: ScheduleSettings) -> list[str]:
    """Where jobs connect to beside the Kubernetes API: the backends, and what their environment names by a url."""
    named = [text for text in schedule.environment.values() if text.startswith(("http://", "https://"))]
    return sorted({*named, *(backend.url for backend in settings.backends.values() if backend.url)})


def rights(
    settings: Settings, schedule: ScheduleSettings, found: Places, also: Iterable[Right] = ()
) -> dict[Job, list[Right]]:
    """What each account may do.

    also: what else the run keeps, for objects that other components declare (their manifests through `right_to`)
    """
    granted = {
        Job.RUN: [*_of_the_run(settings, schedule, found), *also],
        Job.RETIREMENT: [*_of_the_retirement(settings, schedule, found)],
        Job.VALIDATION: [*_of_the_validation(settings, found)],
        Job.EXPORTER: [_config_map(found.receipts), _config_map(found.runs), *team_needs.of_exporter(settings)],
    }
    # A run reads what it declared when it has to look for what is gone (`up --refresh`). It may change none of it: who
    # can change a CronJob or a Role can give itself every right of the namespace.
    declared = [
        *manifests(schedule, found, granted, urls(settings, schedule)),
        *team_needs.bootstrap_accounts(settings),
    ]
    return {**granted, Job.RUN: [*granted[Job.RUN], *map(right_to, declared)]}


def _of_the_run(settings: Settings, schedule: ScheduleSettings, found: Places) -> Iterator[Right]:
    namespace, receipts = found.receipts
    yield _config_map(found.receipts, KEEP)
    yield _config_map((namespace, plan_name(receipts)), KEEP)
    yield from _of_locked_runs(settings, schedule, found)
    yield _secret(found.settings, KEEP)
    yield from _stores(settings)
    for template in settings.coder_templates.values():
        if template.config_map:
            yield _config_map((template.config_map.namespace, template.config_map.name))
    for token in settings.tokens.values():
        yield from (_secret(place, KEEP) for place in _published(token))
        yield from (_external_secret(place, KEEP) for place in _synced(token))
        yield from _pushed(token)


def _of_the_retirement(settings: Settings, schedule: ScheduleSettings, found: Places) -> Iterator[Right]:
    """It writes no publication and makes nothing: the ledger and its own record are all that it changes."""
    yield _config_map(found.receipts, CHANGE)
    yield from _of_locked_runs(settings, schedule, found)


def _of_locked_runs(settings: Settings, schedule: ScheduleSettings, found: Places) -> Iterator[Right]:
    yield Right(schedule.namespace, _LEASES, "leases", LEASE, ("get", "update"))
    yield _config_map(found.runs, CHANGE)
    yield _secret(found.settings)
    yield _events(found)
    for backend in settings.backends.values():
        sources = (backend.credential, backend.bootstrap.password if backend.bootstrap else None)
        for place in (source.kubernetes_secret for source in sources if source and source.kubernetes_secret):
            yield _secret((place.namespace, place.name))
    for token in settings.tokens.values():
        yield from map(_secret, _published(token))
        yield from _evidence(token)
        yield from _dependencies(token)
    yield from team_needs.of_runs(settings)


def _of_the_validation(settings: Settings, found: Places) -> Iterator[Right]:
    namespace, receipts = found.receipts
    yield _config_map(found.receipts)
    yield _config_map((namespace, plan_name(receipts)))
    yield _config_map(found.runs, CHANGE)
    yield _secret(found.settings)
    yield _events(found)
    for token in settings.tokens.values():
        yield from map(_secret, (*_published(token), *_synced(token).values()))
    yield from team_needs.of_readers(settings)


def _published(token: TokenSettings) -> list[tuple[str, str]]:
    """The Secrets that a token is published to."""
    places = [publication.kubernetes_secret for publication in token.publish if publication.kubernetes_secret]
    return [(place.namespace, place.name) for place in places]


def _synced(token: TokenSettings) -> dict[tuple[str, str], tuple[str, str]]:
    """The ExternalSecrets that bring a token onwards, each with the Secret that it makes."""
    found = [synced for publication in token.publish for synced in publication.external_secrets]
    return {(synced.namespace, synced.name): (synced.made.namespace, synced.made.name) for synced in found}


def _pushed(token: TokenSettings) -> Iterator[Right]:
    for publication in token.publish:
        for push in publication.push_secrets:
            namespace, _, name = publication.pushed_by(push).partition("/")
            yield Right(namespace, _EXTERNAL_SECRETS, "pushsecrets", name, KEEP)


def _stores(settings: Settings) -> Iterator[Right]:
    for name, store in settings.external_secrets.stores.items():
        yield Right(store.namespace, _EXTERNAL_SECRETS, f"{store.kind.lower()}s", name)


def _evidence(token: TokenSettings) -> Iterator[Right]:
    sources: Sequence[Source] = () if token.evidence.mode == "off" else token.evidence.sources
    for source in sources:
        if source.external_secret:
            place = (source.external_secret.namespace, source.external_secret.name)
            yield _external_secret(place)
            yield _secret(_synced(token).get(place, place))
        elif source.workload:
            workload = source.workload
            yield Right(workload.namespace, "apps", _WORKLOADS[workload.kind], workload.name)


def _dependencies(token: TokenSettings) -> Iterator[Right]:
    """The Deployments that a mint waits for."""
    for wanted in token.dependencies.deployments:
        yield Right(wanted.namespace, "apps", "deployments", wanted.name)


def _external_secret(place: tuple[str, str], verbs: tuple[str, ...] = READ) -> Right:
    return Right(place[0], _EXTERNAL_SECRETS, "externalsecrets", place[1], verbs)


def _secret(place: tuple[str, str], verbs: tuple[str, ...] = READ) -> Right:
    return Right(place[0], "", "secrets", place[1], verbs)


def _config_map(place: tuple[str, str], verbs: tuple[str, ...] = READ) -> Right:
    return Right(place[0], "", "configmaps", place[1], verbs)


def _events(found: Places) -> Right:
    """Nobody can know the name of an Event; it tells, and changes nothing."""
    return Right(found.receipts[0], _EVENTS, "events", "", ("create",))
