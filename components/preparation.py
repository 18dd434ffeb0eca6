"""All that the program reads before it declares anything: the config, what people set, and what stands in 1Password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from components.one_password import KnownItem, Tell, look_up
from components.preferences import People, read_people, settings_item, settings_place, with_preferences
from components.publications.places import ItemPlace
from components.publications.providers import Providers
from components.settings import EMPTY, Settings, read_settings
from components.settings_secret import settings_secret
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.model import owner_mark
from rotation.preferences import SETTINGS_SECRET

_READ_BY_JOBS = ("preferences", "onePassword", "schedule")


@dataclass(frozen=True)
class Prepared:
    """What is known before the first resource.

    items:         what stands at each place of 1Password, by the place's text; with the settings item, where the stack
                   makes it
    settings_item: that one
    vaults:        name -> id of every vault that was ever resolved
    tells_jobs:    the config names something that runs beside the program, or that people set elsewhere; what was
                   resolved, and what is to be validated, is then written to the cluster
    """

    settings: Settings
    people: People
    items: Mapping[str, KnownItem]
    settings_item: KnownItem | None
    vaults: Mapping[str, str]

    tells_jobs: bool

    @property
    def settings_place(self) -> tuple[str, str]:
        """The Secret of the resolved settings, by namespace and name."""
        return (self.people.preferences.namespace, SETTINGS_SECRET)

    @property
    def connect_url(self) -> str | None:
        """What the config names; without it the plugin takes OP_CONNECT_HOST."""
        return (self.people.one_password.url if self.people.one_password else "") or None


def prepare(
    stack_config: Mapping[str, str],
    project: str,
    stack: str,
    environ: Mapping[str, str],
    *,
    clock: Clock,
    tell: Tell,
    transport: Callable[[str], Transport] | None = None,
) -> Prepared:
    """Read and judge everything; `tell` is given one line for each thing that could not be read or used.

    Raises InvalidSettings; nothing was touched.
    """
    people = read_people(stack_config, project, environ, clock, tell, transport=transport)
    preferences, mark = people.preferences, owner_mark(project, stack)
    settings = with_preferences(read_settings(stack_config, project, preferences), preferences, tell)
    published = [publication.place for token in settings.tokens.values() for publication in token.publish]
    places = [place for place in published if isinstance(place, ItemPlace)]
    items = look_up(people.connect, places, people.vaults, mark, tell)
    own = settings_place(people, mark, tell)
    vaults = {**people.vaults, **{place.vault: items[str(place)].vault for place in places}}
    if own is not None:
        vaults[people.settings_vault] = own.vault
        items[f"{own.vault}/{own.title}"] = own
    tells_jobs = any(stack_config.get(f"{project}:{key}", EMPTY) != EMPTY for key in _READ_BY_JOBS)
    return Prepared(settings, people, items, own, vaults, tells_jobs)


def declare_settings(prepared: Prepared, providers: Providers) -> None:
    """The Secret of the resolved settings and, where the stack makes it, the settings item."""
    cluster = pulumi.ResourceOptions(provider=providers.cluster)
    settings_secret(prepared.people.preferences, prepared.vaults, cluster)
    if prepared.settings_item is not None and providers.one_password is not None:
        settings_item(prepared.people, prepared.settings_item, pulumi.ResourceOptions(provider=providers.one_password))
