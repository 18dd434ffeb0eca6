"""Publishes to 1Password as a stack does. Values and facts come from WISH (a JSON file) instead of a pair."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pulumi
from pulumi.runtime.config import CONFIG

from components.one_password import look_up, one_password_item
from components.preferences import read_people, settings_item, settings_place
from components.publications.contents import Published
from components.publications.places import ItemPlace
from components.publications.providers import cluster_provider, one_password_provider
from components.settings_secret import settings_secret
from dynamic_providers.cluster import ClusterSettings
from rotation.clock import system_clock
from rotation.errors import InvalidSettings

MARK = "test-12345678"
wish: dict[str, Any] = json.loads(Path(os.environ["WISH"]).read_text())
try:
    people = read_people(CONFIG.get(), pulumi.get_project(), os.environ, system_clock, pulumi.log.warn)
    place = ItemPlace(vault=people.preferences.onepassword_vault, item=people.preferences.onepassword_item)
    items = look_up(people.connect, [place], people.vaults, MARK, pulumi.log.warn)
    settings = settings_place(people, MARK, pulumi.log.warn)
except InvalidSettings as refused:
    raise pulumi.RunError(str(refused)) from None

known = pulumi.ResourceOptions(provider=one_password_provider(None))
pair = SimpleNamespace(value=pulumi.Output.secret(wish["value"]), previous=pulumi.Output.secret(wish["previous"]))
told = pulumi.Output.from_input(wish["told"])
given = Published("admin", "an admin token", cast(Any, pair), told)
item = one_password_item(given, items[str(place)], known)
if settings:
    settings_item(people, settings, known)
vaults = {**people.vaults, place.vault: items[str(place)].vault}
cluster = pulumi.ResourceOptions(provider=cluster_provider(ClusterSettings()))
settings_secret(people.preferences, vaults, cluster)
pulumi.export("item", item.uuid)
