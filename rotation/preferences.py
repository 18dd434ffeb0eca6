"""What people set without touching the stack: seed 000's seven variables and ten fields, with where each came from.

First of stack config, environment, 1Password item and default wins, field by field. Pure: whoever calls has read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from rotation.durations import Duration, format_duration
from rotation.errors import InvalidSettings

KEY = "token-rotation:preferences"
SETTINGS_VARIABLE = "TOKEN_ROTATION_SETTINGS"
"""Names the Secret of the resolved settings, as `namespace/name`, to jobs in the cluster."""
SETTINGS_SECRET = "authentik-token-rotation-config"  # noqa: S105 - a name
SOURCES_ANNOTATION = "token-rotation/sources"

STACK, ENVIRONMENT, ITEM, DEFAULT = "stack config", "environment", "1Password item", "default"
LAST_READ = f"{ITEM}, as last read"
"""Where a value came from. The last: the item cannot be read now, or what stands there cannot be used."""

LONGEST_OVERLAP = 180
"""Days. With more, three generations of a token of a year would live at once."""
LONGEST_INTERVAL = timedelta(hours=36)
"""The default policies tolerate an outage of three days, which must hold two runs."""
LONGEST_TIMEOUT = timedelta(minutes=10)


def _at_most(limit: timedelta) -> AfterValidator:
    def judged(length: timedelta) -> timedelta:
        if length > limit:
            raise ValueError(f"longer than {format_duration(limit)}")
        return length

    return AfterValidator(judged)


def _url(text: SecretStr) -> SecretStr:
    scheme, separator, rest = text.get_secret_value().partition("://")
    if scheme not in {"http", "https"} or not separator or not rest.strip("/") or any(char.isspace() for char in rest):
        raise ValueError("no url")
    return text


Days = Annotated[int, Field(ge=1, le=LONGEST_OVERLAP)]
Webhook = Annotated[SecretStr, AfterValidator(_url)]


class Preferences(BaseModel):
    """The settings that count now.

    namespace:            where Authentik's token is published to, and the Secret of these settings stands
    rotation_enabled:     False pauses the tokens of kind authentik that do not say themselves whether they are paused
    overlap_days:         the overlap of such a token without a policy of its own
    check_interval:       the time between two runs, where the stack does not set it
    warning_days:         how long before an end people are told
    onepassword_*:        the item that a publication goes to which names none
    notification_webhook: a url that may hold a credential; in no repr
    validation_timeout:   for one probe
    sources:              field -> where its value came from
    ignored:              field -> why what stands in the 1Password item was not used
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = "authentik"
    rotation_enabled: bool = True
    overlap_days: Days = 30
    check_interval: Annotated[Duration, _at_most(LONGEST_INTERVAL)] = timedelta(hours=24)
    warning_days: Annotated[int, Field(ge=1, le=364)] = 60
    onepassword_vault: Annotated[str, Field(min_length=1, max_length=255)] = "homelab"
    onepassword_item: Annotated[str, Field(min_length=1, max_length=255)] = "Authentik Admin Token"
    notification_enabled: bool = True
    notification_webhook: Webhook | None = None
    validation_enabled: bool = True
    validation_timeout: Annotated[Duration, _at_most(LONGEST_TIMEOUT)] = timedelta(seconds=30)
    sources: dict[str, str] = {}
    ignored: dict[str, str] = {}


_SWITCH = "true or false"
EXPECTED = {
    "namespace": "the name of a namespace",
    "rotation_enabled": _SWITCH,
    "overlap_days": f"a whole number of days from 1 to {LONGEST_OVERLAP}",
    "check_interval": f"a duration up to {format_duration(LONGEST_INTERVAL)}, as in 24h",
    "warning_days": "a whole number of days from 1 to 364",
    "onepassword_vault": "the name or the id of a vault",
    "onepassword_item": "the title of an item",
    "notification_enabled": _SWITCH,
    "notification_webhook": "a url that begins with https:// or http://",
    "validation_enabled": _SWITCH,
    "validation_timeout": f"a duration up to {format_duration(LONGEST_TIMEOUT)}, as in 30s",
}
"""Every setting, and how it is written."""
FIELDS = tuple(name for name in EXPECTED if name != "namespace")
"""The ten fields of the 1Password item, and the keys of the Secret."""
VARIABLES = {
    "namespace": "NAMESPACE",
    "rotation_enabled": "ROTATION_ENABLED",
    "overlap_days": "OVERLAP_DAYS",
    "warning_days": "WARNING_DAYS",
    "validation_enabled": "VALIDATION_ENABLED",
    "notification_enabled": "NOTIFICATION_ENABLED",
    "notification_webhook": "NOTIFICATION_WEBHOOK",
}
"""The seven variables of the environment, by setting."""

_FORMS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(Preferences.model_fields[name].rebuild_annotation()) for name in EXPECTED
}


@dataclass(frozen=True)
class _Candidate:
    """A text that one source gives for a setting; `binding` is refused where it cannot be used, others are passed."""

    source: str
    text: str
    binding: bool = False


def resolve(
    stack: Mapping[str, Any],
    environ: Mapping[str, str],
    item: Mapping[str, str] | None,
    last: Mapping[str, str] | None = None,
) -> Preferences:
    """The settings of a run, and where each came from.

    stack: what stands under `token-rotation:preferences`
    item:  the fields of the 1Password item by label; None where it could not be read, or none is to be read
    last:  what was last read there
    Raises InvalidSettings for an unknown key, and for a bad value of the stack or the environment.

    A bad value in the item is passed over and told, and the value last read counts. Whoever writes the stack sees a
    refusal at once and can act on it; whoever edits the item sees nothing, and a slip there must not end the runs that
    keep every token alive.
    """
    unknown = [str(key) for key in stack if key not in EXPECTED]
    if unknown:
        remedy = f"There are {', '.join(EXPECTED)}."
        raise InvalidSettings(f"read {KEY}.{unknown[0]}", "this key is unknown", remedy)
    given, before = item or {}, last or {}
    return _first_of_each(
        {
            name: (
                _Candidate(STACK, _text(stack.get(name)), binding=True),
                _from_environment(name, environ),
                _Candidate(ITEM, given.get(name, "") if name in FIELDS else ""),
                _Candidate(LAST_READ, before.get(name, "") if item is None or given.get(name) else ""),
            )
            for name in EXPECTED
        }
    )


def from_secret(data: Mapping[str, str], sources: Mapping[str, str], environ: Mapping[str, str]) -> Preferences:
    """The settings of a job in the cluster: those that the stack resolved, and the job's own environment.

    data, sources: of the Secret, empty where there is none. What the stack config set is not changed by a variable.
    Raises InvalidSettings for a bad value of the environment.
    """
    stored = {name: data.get(name, "") for name in FIELDS}
    stored["namespace"] = environ.get(SETTINGS_VARIABLE, "").partition("/")[0]
    fixed = {name for name in EXPECTED if sources.get(name) == STACK}
    return _first_of_each(
        {
            name: (
                _Candidate(STACK, stored[name] if name in fixed else ""),
                _from_environment(name, environ),
                _Candidate(sources.get(name, DEFAULT), stored[name]),
            )
            for name in EXPECTED
        }
    )


def as_texts(preferences: Preferences) -> dict[str, str]:
    """The ten fields as people write them; an empty text where there is no value. The webhook is in clear."""
    return {name: _written(getattr(preferences, name)) for name in FIELDS}


def _first_of_each(candidates: Mapping[str, Iterable[_Candidate]]) -> Preferences:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    ignored: dict[str, str] = {}
    for name, offered in candidates.items():
        for candidate in offered:
            if not candidate.text:
                continue
            try:
                values[name] = _FORMS[name].validate_python(candidate.text)
            except ValidationError:
                if candidate.binding:
                    raise _refusal(name, candidate.source) from None
                ignored[name] = f"it is not {EXPECTED[name]}"
                continue
            sources[name] = candidate.source
            break
    told = {name: sources.get(name, DEFAULT) for name in EXPECTED}
    return Preferences(**values, sources=told, ignored=ignored)


def _from_environment(name: str, environ: Mapping[str, str]) -> _Candidate:
    return _Candidate(ENVIRONMENT, environ.get(VARIABLES.get(name, ""), ""), binding=True)


def _refusal(name: str, source: str) -> InvalidSettings:
    """It names the setting and not its text, which may be a value that was put into the wrong place."""
    where = f"{KEY}.{name}" if source == STACK else f"the environment variable {VARIABLES[name]}"
    return InvalidSettings(f"read {where}", f"it is not {EXPECTED[name]}", "Correct it, or leave it out.")


def _text(value: object) -> str:
    """A value of the stack's config as text; nothing for an absent one."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return format_duration(value) if isinstance(value, timedelta) else _text(value)
