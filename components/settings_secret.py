"""The Secret of the resolved settings: written by the stack, read by jobs, and by the program without 1Password."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from dynamic_providers.cluster import MANAGER, ClusterSettings
from rotation.preferences import ITEM, LAST_READ, SETTINGS_SECRET, SOURCES_ANNOTATION, Preferences, as_texts

VAULTS_ANNOTATION = "token-rotation/vaults"


def settings_secret(preferences: Preferences, vaults: Mapping[str, str], opts: pulumi.ResourceOptions) -> Secret:
    """What was resolved, for jobs in the cluster and for a run without 1Password; it changes only when a setting does.

    vaults: name -> id of every vault that was resolved
    """
    told = {SOURCES_ANNOTATION: preferences.sources, VAULTS_ANNOTATION: dict(vaults)}
    return Secret(
        "settings",
        metadata={
            "namespace": preferences.namespace,
            "name": SETTINGS_SECRET,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/component": "settings"},
            "annotations": {
                **{name: json.dumps(known, sort_keys=True) for name, known in told.items()},
                "pulumi.com/patchForce": "true",
            },
        },
        type="Opaque",
        string_data=pulumi.Output.secret(as_texts(preferences)),
        opts=opts,
    )


@dataclass(frozen=True)
class LastRead:
    """What the Secret of an earlier run tells.

    values: of the fields that came from the 1Password item
    vaults: name -> id, as they were resolved then
    cause:  why it could not be read; empty where it was, or where there is none
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    vaults: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""


def last_read(settings: ClusterSettings, namespace: str) -> LastRead:
    """What the Secret of the resolved settings tells. Never raises: without an answer there is a cause."""
    # Here: a stack without 1Password needs no client, and it is slow to import.
    from kubernetes import client, config  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    from dynamic_providers.kubernetes_cluster import connection  # noqa: PLC0415
    from dynamic_providers.plain_objects import PlainObjects, path  # noqa: PLC0415

    try:
        with client.ApiClient(connection(settings)) as api:
            found = PlainObjects(api).read(path("v1", namespace, "secrets", SETTINGS_SECRET))
    except client.ApiException as error:
        return LastRead(cause="" if error.status == 404 else f"HTTP {error.status}")
    except (HTTPError, OSError, config.ConfigException) as error:
        return LastRead(cause=type(error).__name__)
    return _told(found.get("data") or {}, found["metadata"].get("annotations") or {})


def _told(data: Mapping[str, str], annotations: Mapping[str, str]) -> LastRead:
    """Of the Secret only what came from the item: the other sources are asked anew in each run."""
    try:
        sources = dict(json.loads(annotations.get(SOURCES_ANNOTATION, "{}")))
        vaults = dict(json.loads(annotations.get(VAULTS_ANNOTATION, "{}")))
        texts = {name: base64.b64decode(text).decode() for name, text in data.items()}
    except (ValueError, TypeError) as error:
        return LastRead(cause=type(error).__name__)
    return LastRead({name: text for name, text in texts.items() if sources.get(name) in {ITEM, LAST_READ}}, vaults)
