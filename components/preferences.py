"""The settings that people make in 1Password: read before a run, and applied to the stack's own.

The program itself reads them, because they decide what it declares. While 1Password cannot be asked, what was last read
from it counts; it stands in a Secret of the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import pulumi
import pulumi_onepassword as onepassword
from pydantic import BaseModel, ValidationError

from components.default_policies import DEFAULT_POLICIES
from components.one_password import (
    CATEGORY,
    TOKEN_VARIABLE,
    URL_VARIABLE,
    KnownItem,
    OnePasswordSettings,
    Tell,
    look_up_item,
    look_up_vault,
)
from components.settings import EMPTY, Settings, TokenSettings
from components.settings_secret import LastRead, last_read
from dynamic_providers.cluster import ClusterSettings
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.copies.connect import Connect
from rotation.errors import BackendError, InvalidSettings, NotFound
from rotation.margins import refuse_impossible
from rotation.model import Policy
from rotation.preferences import FIELDS, ITEM, LAST_READ, SETTINGS_SECRET, Preferences, as_texts, resolve

ITEM_TITLE = "Authentik Token Rotation Config"
SECOND_WARNING_DAYS = 30
"""Seed 000 warns twice; the first warning is `warning_days`."""
_KIND = "authentik"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class People:
    """What people set, and how 1Password is reached.

    connect: None where the config names no 1Password, or url or token are missing
    vaults:  name -> id of every vault that an earlier run resolved
    item:    the fields that the settings item had; None where it was not read
    """

    preferences: Preferences
    one_password: OnePasswordSettings | None = None
    connect: Connect | None = None
    vaults: Mapping[str, str] = field(default_factory=dict)
    item: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def settings_vault(self) -> str:
        """Where the settings item stands, by id or name."""
        return (self.one_password.vault if self.one_password else "") or self.preferences.onepassword_vault


def read_people(
    stack_config: Mapping[str, str],
    project: str,
    environ: Mapping[str, str],
    clock: Clock,
    tell: Tell,
    *,
    transport: Callable[[str], Transport] | None = None,
) -> People:
    """Read what people set; `tell` is given one line for each thing that could not be read or used.

    Raises InvalidSettings for what stands wrongly in the stack's config or the environment; nothing was touched.
    """
    stack = _structured(stack_config, project, "preferences") or {}
    given = _structured(stack_config, project, "onePassword")
    own = resolve(stack, environ, None)
    if given is None and '"onePassword":' not in stack_config.get(f"{project}:tokens", ""):
        return People(own)
    given = given or {}  # a token that is published there is reason enough to ask
    one_password = _model(OnePasswordSettings, given, "onePassword")
    cluster = _model(ClusterSettings, _structured(stack_config, project, "cluster") or {}, "cluster")
    last = last_read(cluster, own.namespace)
    known = People(own, one_password, _connect(one_password, environ, transport, clock), last.vaults)
    known = _with_item(known, last, tell)
    preferences = resolve(stack, environ, known.item, last.values)
    for name, cause in preferences.ignored.items():
        tell(
            f"the field {name} of the item {ITEM_TITLE!r} in 1Password is not used: {cause}. Correct it there; until "
            f"then this counts: {preferences.sources[name]}"
        )
    return replace(known, preferences=preferences)


def _connect(
    settings: OnePasswordSettings,
    environ: Mapping[str, str],
    transport: Callable[[str], Transport] | None,
    clock: Clock,
) -> Connect | None:
    if transport is None:  # here: a stack without 1Password needs no HTTP client, and it is slow to import
        from rotation.backends.http_transport import http_transport  # noqa: PLC0415

        transport = http_transport
    try:
        return settings.connect(environ, transport, clock)
    except InvalidSettings:
        return None


def _with_item(known: People, last: LastRead, tell: Tell) -> People:
    """With the fields of the settings item; without them where it cannot be read, and then a line says what counts.

    An item that is not there is no reason to forget what was read from it: it may have been moved, or be out of the
    token's sight for a while. A server that gave no answer is not asked again in this run.
    """
    if known.connect is None:
        return _without_item(known, last, f"{URL_VARIABLE} or {TOKEN_VARIABLE} is not set", tell)
    try:
        found = known.connect.item(known.connect.vault_id(known.settings_vault), ITEM_TITLE)
    except NotFound as error:
        made = known.one_password is not None and known.one_password.create_settings_item
        return known if made and not last.values else _without_item(known, last, error.cause, tell)
    except BackendError as error:
        return _without_item(replace(known, connect=None), last, error.cause, tell)
    return replace(known, item={name: "".join(found.values(name)[:1]).strip() for name in FIELDS})


def _without_item(known: People, last: LastRead, cause: str, tell: Tell) -> People:
    counts = "the settings last read from it count"
    if not last.values:
        unread = f" (the Secret {known.preferences.namespace}/{SETTINGS_SECRET} cannot be read: {last.cause})"
        counts = f"nothing was read from it before{unread if last.cause else ''}, so the defaults count"
    tell(f"the item {ITEM_TITLE!r} of 1Password cannot be read ({cause}); {counts}")
    return known


def with_preferences(settings: Settings, preferences: Preferences, tell: Tell) -> Settings:
    """The settings of a stack with what people set, where the stack itself says nothing.

    Raises InvalidSettings where a value of the stack's config or the environment makes a policy that cannot hold. One
    of the 1Password item is passed over and told.
    """
    tokens = {
        name: _preferring(token, preferences) if settings.kind_name(token.backend) == _KIND else token
        for name, token in settings.tokens.items()
    }
    changed = settings.model_copy(update={"tokens": tokens})
    if "run_interval" in settings.model_fields_set:
        return changed
    faster = changed.model_copy(update={"run_interval": preferences.check_interval})
    try:
        for name, token in tokens.items():
            refuse_impossible(
                name, faster.policy(name), faster.run_interval, faster.kind(token.backend).capabilities.cap
            )
    except InvalidSettings as refused:
        if preferences.sources.get("check_interval") not in {ITEM, LAST_READ}:
            raise
        tell(f"check_interval of the item {ITEM_TITLE!r} is not used: {refused.cause} (token {refused.token})")
        return changed
    return faster


def _preferring(token: TokenSettings, preferences: Preferences) -> TokenSettings:
    update: dict[str, Any] = {}
    if "paused" not in token.model_fields_set:
        update["paused"] = not preferences.rotation_enabled
    if token.policy is None:
        update["policy"] = _policy(preferences)
    return token.model_copy(update=update)


def _policy(preferences: Preferences) -> Policy:
    """The default policy of the kind with another overlap: it rotates so much earlier as the overlap is longer."""
    default = DEFAULT_POLICIES[_KIND]
    overlap = timedelta(days=preferences.overlap_days)
    days = {preferences.warning_days, min(preferences.warning_days, SECOND_WARNING_DAYS)}
    return default.model_copy(
        update={
            "overlap": overlap,
            "rotate_before": overlap + default.tolerated_outage,
            "warn_before": tuple(timedelta(days=distance) for distance in sorted(days, reverse=True)),
        }
    )


def settings_place(people: People, mark: str, tell: Tell) -> KnownItem | None:
    """Where the stack makes the settings item; None where it is not to, and where a person made one already."""
    if people.one_password is None or not people.one_password.create_settings_item:
        return None
    vault = look_up_vault(people.connect, people.settings_vault, people.vaults, tell)
    try:
        return look_up_item(people.connect, vault, ITEM_TITLE, mark, tell)
    except InvalidSettings:
        return None


def settings_item(people: People, item: KnownItem, opts: pulumi.ResourceOptions) -> onepassword.Item:
    """The item with the ten fields, made once with what counts now; from then on its content is people's.

    Every update of an item is a PUT of the whole of it, with what the state remembers, and would undo what people
    wrote since. So no change is ever sent, and a destroy leaves it there.
    """
    # The webhook may hold a credential: a person puts it in.
    texts = {**as_texts(people.preferences), "notification_webhook": ""}
    fields = [
        {"label": name, "type": "CONCEALED" if name == "notification_webhook" else "STRING", "value": texts[name]}
        for name in FIELDS
    ]
    kept = pulumi.ResourceOptions(
        ignore_changes=["sections", "tags", "title", "category"], retain_on_delete=True, import_=item.import_id
    )
    return onepassword.Item(
        "settings-item",
        vault=item.vault,
        title=item.title,
        category=CATEGORY,
        tags=item.tags,
        sections=[{"label": "settings", "fields": fields}],
        opts=pulumi.ResourceOptions.merge(opts, kept),
    )


def _structured(stack_config: Mapping[str, str], project: str, key: str) -> dict[str, Any] | None:
    text = stack_config.get(f"{project}:{key}", EMPTY)
    if text == EMPTY:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidSettings(f"read token-rotation:{key}", "it is not structured config", "Write it as a YAML map.")
    return found


def _model(kind: type[Model], given: Mapping[str, Any], key: str) -> Model:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join((f"token-rotation:{key}", *map(str, first["loc"])))
        cause = "this key is unknown" if first["type"] == "extra_forbidden" else first["msg"]
        raise InvalidSettings(f"read {where}", cause, "See Pulumi.yaml for the keys.") from None
