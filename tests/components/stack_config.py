"""A good stack's config, and how a test changes one part of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings import Settings, read_settings
from rotation.errors import InvalidSettings

PROJECT = "token-rotation"
POLICY = {"lifetime": "365d", "rotate_before": "33d", "overlap": "30d"}
PLACE = {"kubernetesSecret": {"namespace": "authentik", "name": "authentik-admin-token"}}
ADMIN = {"backend": "authentik", "policy": POLICY, "publish": [PLACE]}
AUTHENTIK = {"url": "https://authentik.example.com", "credential": {"env": "AUTHENTIK_TOKEN"}}


def read(tokens: Any = None, backends: Any = None, **others: Any) -> Settings:
    """Read a config of one good token at one good backend, or of what is given instead."""
    structured = {"tokens": tokens or {"admin": ADMIN}, "backends": backends or {"authentik": AUTHENTIK}, **others}
    config = {f"{PROJECT}:{key}": as_text(value) for key, value in structured.items()}
    return read_settings(config, PROJECT)


def as_text(value: Any) -> str:
    """A value as the CLI hands it on: text as it is, anything structured as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def refusal(tokens: Any = None, backends: Any = None, **others: Any) -> str:
    """The message with which a config is refused."""
    with pytest.raises(InvalidSettings) as refused:
        read(tokens, backends, **others)
    text = str(refused.value)
    assert "\n" not in text
    assert refused.value.remedy
    return text


def admin(**changes: Any) -> dict[str, Any]:
    return {"admin": {**ADMIN, **changes}}


def with_policy(**changes: Any) -> dict[str, Any]:
    return admin(policy={**POLICY, **changes})
