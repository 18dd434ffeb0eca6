"""The stack's config as one typed model; what is unknown or cannot hold is refused before anything runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from components import coder_judging, operator_judging
from components.coder_template_settings import CoderTemplateSettings
from components.default_policies import DEFAULT_POLICIES
from components.directory_settings import AuthentikDirectorySettings, VaultDirectorySettings
from components.monitoring.settings import MonitoringSettings
from components.operator_settings import OperatorSettings
from components.publications import judging
from components.publications.places import ItemPlace, Publication
from components.publications.stores import ExternalSecretsSettings
from components.schedule.settings import ScheduleSettings
from dynamic_providers.cluster import ClusterSettings
from dynamic_providers.credentials import BackendSettings, refuse_unfit
from dynamic_providers.dependencies import Dependencies
from rotation.backends.registry import KINDS, Kind
from rotation.durations import Duration, format_duration
from rotation.errors import InvalidSettings
from rotation.evidence import EvidencePolicy
from rotation.margins import refuse_impossible
from rotation.model import TOKEN_NAME, Policy
from rotation.preferences import Preferences

KEYS = (
    *("tokens", "backends", "cluster", "run_interval", "rotation_limit", "decommission", "externalSecrets"),
    *("vault_directory", "authentik_directory", "schedule", "monitoring", "coder_templates", "operator"),
)
EMPTY = "{}"
"""What Pulumi.yaml gives a key that the stack leaves out."""
READ_ELSEWHERE = ("onePassword", "preferences")
"""Keys that `components.preferences` reads, before these settings are read."""
_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TokenSettings(BaseModel):
    """One token: where it is minted, what it is, how long it lives, where it goes.

    spec:             in the terms of its backend
    was:              former names; a renamed token mints nothing
    force, emergency: a new nonce rotates once; an emergency ends every earlier generation at once
    rollback:         a new nonce makes the previous generation current again, while it still works
    paused:           nothing is minted; retirement and renewal go on
    probe:            `always` uses the token itself in each run to see that it still works
    evidence:         what retirement waits for, beside its deadline
    dependencies:     what must be ready before anything is minted
    description:      told beside the value at every place
    """

    model_config = _STRICT

    backend: str
    spec: dict[str, Any] = {}
    policy: Policy | None = None
    publish: tuple[Publication, ...] = Field(min_length=1)
    was: tuple[str, ...] = ()
    force: str = ""
    emergency: str = ""
    rollback: str = ""
    paused: bool = False
    evidence: EvidencePolicy = EvidencePolicy()
    probe: Literal["never", "always"] = "never"
    dependencies: Dependencies = Dependencies()
    description: str = Field(default="", max_length=255)


class Settings(BaseModel):
    """Everything under `token-rotation:` in the stack's config."""

    model_config = _STRICT

    tokens: dict[str, TokenSettings] = {}
    backends: dict[str, BackendSettings] = {}
    cluster: ClusterSettings = ClusterSettings()
    run_interval: Duration = timedelta(days=1)
    rotation_limit: int = Field(default=0, ge=0)
    decommission: tuple[str, ...] = ()
    external_secrets: ExternalSecretsSettings = Field(default=ExternalSecretsSettings(), alias="externalSecrets")
    vault_directory: VaultDirectorySettings | None = None
    authentik_directory: AuthentikDirectorySettings | None = None
    schedule: ScheduleSettings | None = None
    monitoring: MonitoringSettings = MonitoringSettings()
    coder_templates: dict[str, CoderTemplateSettings] = {}
    operator: OperatorSettings | None = None

    @field_validator("tokens")
    @classmethod
    def _plain_names(cls, tokens: dict[str, TokenSettings]) -> dict[str, TokenSettings]:
        for name in tokens:
            if not TOKEN_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no token name: backends take a-z, 0-9 and -, at most 63 characters")
        return tokens

    def items(self) -> list[ItemPlace]:
        """Where tokens go in 1Password."""
        places = [publication.place for token in self.tokens.values() for publication in token.publish]
        return [place for place in places if isinstance(place, ItemPlace)]

    def kind(self, backend: str) -> Kind:
        """What the kind of a backend can do; the backend is named in these settings."""
        return KINDS[self.kind_name(backend)]

    def kind_name(self, backend: str) -> str:
        """The name of a backend's kind: its own, or that of its entry."""
        return self.backends[backend].kind or backend

    def policy(self, token: str) -> Policy:
        """A token's own policy, or the default of its kind. Raises InvalidSettings where there is neither."""
        settings = self.tokens[token]
        policy = settings.policy or DEFAULT_POLICIES.get(self.kind_name(settings.backend))
        if policy is None:
            key, kind = f"token-rotation:tokens.{token}.policy", self.kind_name(settings.backend)
            raise _refusal(key, f"it is needed: {kind} has no default policy", "Write one, as the README describes.")
        return policy


def read_settings(config: Mapping[str, str], project: str, preferences: Preferences | None = None) -> Settings:
    """Read and judge a stack's config: `project:key` to text, or to JSON text where the value is structured.

    preferences: what stands for what the config leaves out; without them their defaults
    Raises InvalidSettings, which names the key, the cause and the remedy; nothing was touched.
    """
    prefix = f"{project}:"
    own = {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}
    own = {key: text for key, text in own.items() if text != EMPTY or key not in KEYS}
    try:
        settings = Settings.model_validate({key: _parsed(key, own[key]) for key in KEYS if key in own})
    except ValidationError as error:
        raise _invalid(error) from None
    _refuse_unknown_keys(settings, own)
    for name in settings.backends:
        _judge_backend(settings, name)
    for name in settings.tokens:
        _judge_token(settings, name)
    _refuse_shared_names(settings)
    for name, wanted in settings.coder_templates.items():
        token = settings.tokens.get(wanted.token)
        kind, published = (settings.kind_name(token.backend), token.publish) if token else ("", ())
        coder_judging.refuse_unfit_template(name, wanted.token, kind, published)
    return _with_judged_teams(_with_judged_publications(settings, preferences or Preferences()))


def _parsed(key: str, text: str) -> Any:
    if key == "run_interval":
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise _refusal(f"token-rotation:{key}", "it is not structured config", "Write it as a YAML map.") from None


def _invalid(error: ValidationError) -> InvalidSettings:
    """The first error, by its key; the input itself may be a secret and is not shown."""
    first = error.errors(include_input=False, include_url=False)[0]
    key = "token-rotation:" + ".".join(str(part) for part in first["loc"])
    cause = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        cause = "this key is unknown"
    more = error.error_count() - 1
    return _refusal(key, cause + (f" (and {more} more)" if more else ""), "See Pulumi.yaml for the keys.")


def _judge_backend(settings: Settings, name: str) -> None:
    """Whether an entry fits its kind; one that no token uses may be of any kind, as long as nobody asks for it."""
    key, kind_name = f"token-rotation:backends.{name}", settings.kind_name(name)
    if kind_name not in KINDS:
        return
    entry = settings.backends[name]
    try:
        refuse_unfit(entry, KINDS[kind_name])
    except ValueError as error:
        raise _refusal(key, str(error), f"See the backends of kind {kind_name} in the README.") from None
    place = entry.credential.kubernetes_secret if entry.credential else None
    if entry.bootstrap is None or entry.bootstrap.password is None:
        return
    mine = [token for token in settings.tokens.values() if token.backend == name]
    published = {str(item.kubernetes_secret) for token in mine for item in token.publish if item.kubernetes_secret}
    if place is None or place.key != "token" or place.secret not in published:
        cause = "a run that logs in by itself works later with what it published, and the credential is something else"
        remedy = "Let `credential` be the kubernetesSecret that a token of this backend is published to."
        raise _refusal(f"{key}.bootstrap", cause, remedy)


def _judge_token(settings: Settings, name: str) -> None:
    token = settings.tokens[name]
    key = f"token-rotation:tokens.{name}"
    if token.backend not in settings.backends:
        known = ", ".join(sorted(settings.backends)) or "none"
        raise _refusal(f"{key}.backend", f"{token.backend!r} is not among the backends ({known})", "Add it there.")
    kind_name = settings.kind_name(token.backend)
    if kind_name not in KINDS:
        remedy = f"Set `kind` to one of {', '.join(sorted(KINDS))}."
        raise _refusal(f"token-rotation:backends.{token.backend}", f"{kind_name!r} is no kind of backend", remedy)
    kind = KINDS[kind_name]
    try:
        kind.spec.model_validate(token.spec)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        raise _refusal(f"{key}.spec.{at}", first["msg"], f"See the spec of {kind_name} in the README.") from None
    policy = settings.policy(name)
    if policy.renew_before and not kind.capabilities.renews:
        raise _refusal(f"{key}.policy.renew_before", f"{kind_name} cannot renew a token", "Leave it out.")
    refuse_impossible(name, policy, settings.run_interval, kind.capabilities.cap)
    limit = token.evidence.security_deadline
    if limit is not None and limit <= policy.overlap + token.evidence.wait:
        cause = f"{format_duration(limit)} is not beyond overlap and wait, so that no alert could come before the cut"
        raise _refusal(f"{key}.evidence.security_deadline", cause, "Make it longer, or the wait shorter.")
    if kind_name == "coder":
        coder_judging.refuse_lockout(name, token.spec, token.publish, settings.backends[token.backend])


def _with_judged_publications(settings: Settings, preferences: Preferences) -> Settings:
    """The settings, with each place named in full."""
    vaults = [name for name in settings.backends if settings.kind_name(name) == "vault"]
    item = ItemPlace(vault=preferences.onepassword_vault, item=preferences.onepassword_item)
    tokens = {
        name: token.model_copy(update={"publish": judging.complete(name, token.publish, vaults, item)})
        for name, token in settings.tokens.items()
    }
    judging.refuse_shared({name: token.publish for name, token in tokens.items()})
    for name, token in tokens.items():
        stores = settings.external_secrets.stores
        judging.refuse_unsynced(name, token.publish, stores, settings.policy(name).overlap)
    return settings.model_copy(update={"tokens": tokens})


def _with_judged_teams(settings: Settings) -> Settings:
    """The settings, with each declared token of a revoked team paused: nothing is minted for it."""
    operator = settings.operator
    for backend in settings.backends:
        if settings.kind_name(backend) == "operator":
            mine = {name: token for name, token in settings.tokens.items() if token.backend == backend}
            specs = {name: token.spec for name, token in mine.items()}
            operator_judging.refuse_two_of_one_type(specs)
            operator_judging.refuse_unkept(operator, backend, specs)
            for name, token in mine.items():
                operator_judging.refuse_elsewhere(name, token.spec, token.publish)
    if operator is None:
        return settings
    if operator.backend not in settings.backends or settings.kind_name(operator.backend) != "operator":
        cause = f"{operator.backend!r} is no backend of kind operator"
        raise _refusal("token-rotation:operator.backend", cause, "Name it under `backends`, as in `operator: {}`.")
    refuse_impossible("the operator's teams", operator.policy, settings.run_interval)
    here = {name: token.spec for name, token in settings.tokens.items() if token.backend == operator.backend}
    mine_by_namespace = operator_judging.declared(here)
    operator_judging.refuse_both(operator, mine_by_namespace)
    held = {name for name, spec in here.items() if operator_judging.is_revoked(operator, operator.backend, spec)}
    tokens = {
        name: token.model_copy(update={"paused": True}) if name in held else token
        for name, token in settings.tokens.items()
    }
    return settings.model_copy(update={"tokens": tokens})


def _refuse_unknown_keys(settings: Settings, own: Mapping[str, str]) -> None:
    """A key that is neither ours nor named as the source of a credential is a slip."""
    servers = settings.backends.values()
    accounts = [server.bootstrap for server in servers if server.bootstrap]
    sources = [*(server.credential for server in servers), *(account.password for account in accounts)]
    credentials = {source.config for source in sources if source}
    for key in own:
        if key not in (*KEYS, *READ_ELSEWHERE) and key not in credentials:
            raise _refusal(f"token-rotation:{key}", "this key is unknown", "See Pulumi.yaml for the keys.")


def _refuse_shared_names(settings: Settings) -> None:
    bearers = {name: f"{name!r} is the name of another token" for name in settings.tokens}
    for name, token in settings.tokens.items():
        for former in token.was:
            if former in bearers:
                raise _refusal(f"token-rotation:tokens.{name}.was", bearers[former], "A former name must be free.")
            bearers[former] = f"{former!r} is a former name of {name}, too"


def _refusal(key: str, cause: str, remedy: str) -> InvalidSettings:
    return InvalidSettings(f"read {key}", cause, remedy)
