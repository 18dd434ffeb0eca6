"""The settings that count for a job: those that the stack resolved into a Secret, and the job's own environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from operations.cluster import Cluster, Placed
from operations.places import read_place
from rotation.errors import ClusterError
from rotation.preferences import SETTINGS_VARIABLE, SOURCES_ANNOTATION, Preferences, from_secret


@dataclass(frozen=True)
class Stored:
    """Settings, and where they were read.

    place:       the Secret, as namespace/name; empty where none is named
    problem:     why it could not be read, so that only the environment and the defaults count
    annotations: of the Secret
    """

    preferences: Preferences
    place: str = ""
    problem: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def read_stored(environ: Mapping[str, str], connect: Callable[[], Cluster]) -> Stored:
    """The Secret that the environment names, if it can be read, under the environment itself.

    Raises InvalidSettings for a bad value of the environment. A Secret that cannot be read is no error: settings must
    not stop what keeps tokens alive.
    """
    named = environ.get(SETTINGS_VARIABLE, "")
    found: Placed | None = None
    problem = ""
    if named:
        place = read_place(named, SETTINGS_VARIABLE)
        try:
            found = connect().secret(place.namespace, place.name)
            problem = "" if found else "there is no such Secret"
        except ClusterError as error:
            problem = error.cause
    data, annotations = (found.data, found.annotations) if found else ({}, {})
    return Stored(from_secret(data, _sources(annotations), environ), named, problem, annotations)


def _sources(annotations: Mapping[str, str]) -> dict[str, str]:
    """Field to source; none where the annotation is not there or not readable."""
    with suppress(KeyError, ValueError, AttributeError):
        return {str(name): str(source) for name, source in json.loads(annotations[SOURCES_ANNOTATION]).items()}
    return {}
