"""What rules must know of a stack, from its settings."""

from __future__ import annotations

from components import operator_judging
from components.monitoring.facts import Place, StackFacts, TeamFacts, TokenFacts, scheduled_jobs
from components.monitoring.settings import MonitoringSettings
from components.operator_judging import is_revoked
from components.operator_settings import OPERATOR_POLICY
from components.publications.places import SecretPlace
from components.schedule.team_needs import records_of
from components.settings import Settings


def stack_facts(
    settings: Settings, monitoring: MonitoringSettings, *, namespace: str, config_secret: Place | None = None
) -> StackFacts:
    """The facts of a stack. A token that is being given up raises no alert.

    namespace:     of the jobs and of the exporter
    config_secret: the Secret of the resolved settings, where the stack writes one
    """
    return StackFacts(
        namespace=namespace,
        tokens=tuple(_token(settings, name) for name in settings.tokens if not _is_given_up(settings, name)),
        run_interval=settings.run_interval,
        jobs=scheduled_jobs(
            rotate=settings.run_interval,
            retire=monitoring.retirement_interval,
            validate=monitoring.validation_interval,
        ),
        config_secret=config_secret,
        rotation_limit=settings.rotation_limit,
        teams=_teams(settings),
        templates=tuple(settings.coder_templates),
    )


def _teams(settings: Settings) -> TeamFacts | None:
    """None where the exporter reads no records; without a keeper there are only declared teams."""
    if records_of(settings) is None:
        return None
    tokens = settings.tokens.items()
    specs = {name: token.spec for name, token in tokens if settings.kind_name(token.backend) == "operator"}
    policy = settings.operator.policy if settings.operator else OPERATOR_POLICY
    return TeamFacts(policy, tuple(operator_judging.declared(specs)))


def _is_given_up(settings: Settings, name: str) -> bool:
    """Whether its end is meant: it leaves the stack, or its team was revoked."""
    token = settings.tokens[name]
    return name in settings.decommission or is_revoked(settings.operator, token.backend, token.spec)


def _token(settings: Settings, name: str) -> TokenFacts:
    """Its Secrets are those that are published, and those that External Secrets makes of a publication."""
    token = settings.tokens[name]
    synced = [place for publication in token.publish for place in publication.external_secrets]
    published = [publication.place for publication in token.publish]
    secrets = [place for place in [*published, *(one.made for one in synced)] if isinstance(place, SecretPlace)]
    return TokenFacts(
        name,
        settings.kind_name(token.backend),
        settings.policy(name),
        secrets=tuple(dict.fromkeys((place.namespace, place.name) for place in secrets)),
        external_secrets=tuple((one.namespace, one.name) for one in synced),
        paused=token.paused,
    )
