"""Templates that follow their files, each after the token that deploys it was published."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.coder_template_settings import CoderTemplateSettings
from components.rotating_token import RotatingToken
from components.settings import Settings
from dynamic_providers.coder_template import CoderTemplate
from rotation.durations import format_duration


def coder_templates(settings: Settings, tokens: Mapping[str, RotatingToken]) -> dict[str, CoderTemplate]:
    """One resource for each template of the config, by its name."""
    return {
        name: _template(name, wanted, settings, tokens[wanted.token])
        for name, wanted in settings.coder_templates.items()
    }


def _template(name: str, wanted: CoderTemplateSettings, settings: Settings, token: RotatingToken) -> CoderTemplate:
    published = settings.tokens[wanted.token].publish
    place = next(str(item.kubernetes_secret) for item in published if item.kubernetes_secret)
    props = {
        "name": name,
        "backend": settings.tokens[wanted.token].backend,
        "place": place,
        "folder": wanted.folder,
        "config_map": str(wanted.config_map or ""),
        "organization": wanted.organization,
        "variables": wanted.variables,
        "time_limit": format_duration(wanted.time_limit),
        "active": wanted.active,
        "display_name": wanted.display_name,
        "description": wanted.description,
        "icon": wanted.icon,
    }
    return CoderTemplate(f"{name}-template", props, pulumi.ResourceOptions(depends_on=token.publications))
