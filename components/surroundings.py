"""What stands around the tokens, each part where the config names it: directories before them, all else beside them.

A part is imported where it is declared: together their SDKs would cost each run a third of a second.
"""

from __future__ import annotations

import pulumi

from components.preparation import Prepared, declare_settings
from components.publications.providers import Providers
from components.schedule.rights import KEEP, Right
from components.settings import Settings
from components.token_stack import TokenStack
from components.validation_plan import validation_plan


def declare_directories(settings: Settings) -> list[pulumi.Resource]:
    """The accounts, roles and policies by which tokens are minted; nothing is minted before they are there."""
    declared: list[pulumi.Resource] = []
    if settings.vault_directory:
        from components.vault_directory import VaultDirectory  # noqa: PLC0415

        declared.append(VaultDirectory("vault-directory", settings.vault_directory))
    if settings.authentik_directory:
        from components.authentik_directory import AuthentikDirectory  # noqa: PLC0415

        declared.append(AuthentikDirectory("authentik-directory", settings.authentik_directory))
    return declared


def declare_surroundings(given: Prepared, tokens: TokenStack, stack: str) -> None:
    """Templates, schedule and monitoring; and, for jobs to find them, the settings and the validation's plan."""
    providers = tokens.providers
    if given.settings.coder_templates:
        from components.coder_templates import coder_templates  # noqa: PLC0415

        coder_templates(given.settings, tokens.rotating)
    if given.settings.operator:
        from components.operator_keeper import operator_keeper  # noqa: PLC0415

        operator_keeper(given.settings, given.settings.operator)
    cluster = pulumi.ResourceOptions(provider=providers.cluster)
    if given.tells_jobs:
        declare_settings(given, providers)
        validation_plan(given.settings, given.people.preferences, given.connect_url or "", cluster)
    alerts = _monitoring(given, providers)
    if given.settings.schedule:
        from components.rotation_schedule import RotationSchedule  # noqa: PLC0415

        RotationSchedule(
            "schedule",
            given.settings,
            given.settings.schedule,
            stack=stack,
            preferences_namespace=given.people.preferences.namespace,
            also=alerts,
            opts=cluster,
        )


def _monitoring(given: Prepared, providers: Providers) -> list[Right]:
    """The alerts and the dashboard; returns what the daily run must be allowed to keep them."""
    settings, monitoring = given.settings, given.settings.monitoring
    if not monitoring.enabled:
        return []
    from components.expiry_alerts import ExpiryAlerts  # noqa: PLC0415
    from components.monitoring.stack_facts import stack_facts  # noqa: PLC0415
    from components.schedule.manifests import right_to  # noqa: PLC0415

    jobs = settings.schedule.namespace if settings.schedule else settings.cluster.receipts.namespace
    told = given.settings_place if given.tells_jobs else None
    facts = stack_facts(settings, monitoring, namespace=jobs, config_secret=told)
    alerts = ExpiryAlerts(monitoring, facts, providers.cluster)
    return [right_to(manifest, KEEP) for manifest in alerts.manifests]
