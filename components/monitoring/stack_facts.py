"""What rules must know of a stack, from its settings."""

from __future__ import annotations

from components.monitoring.facts import Place, StackFacts, TokenFacts, scheduled_jobs
from components.monitoring.settings import MonitoringSettings
from components.publications.places import SecretPlace
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
        tokens=tuple(_token(settings, name) for name in settings.tokens if name not in settings.decommission),
        run_interval=settings.run_interval,
        jobs=scheduled_jobs(
            rotate=settings.run_interval,
            retire=monitoring.retirement_interval,
            validate=monitoring.validation_interval,
        ),
        config_secret=config_secret,
        rotation_limit=settings.rotation_limit,
    )


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
