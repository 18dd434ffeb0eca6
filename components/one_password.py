"""Items of 1Password: what stands there before a run begins, and the item that a token is published to.

Titles are not unique and a POST is not idempotent, so an item that is there is found by its title and our tags, and
from then on named by its id. The category is secure note: a login or a password without one is given a password by the
server, a value that nobody minted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_onepassword as onepassword
from pydantic import BaseModel, ConfigDict, Field, field_validator

from components.publications.contents import FACTS, Published
from components.publications.places import ItemPlace
from dynamic_providers.cluster import CURRENT_KEY, PREVIOUS_KEY
from dynamic_providers.credentials import BackendSettings, Credential
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.copies.connect import Connect, is_id
from rotation.errors import BackendError, InvalidSettings

TAG = "token-rotation"
CATEGORY = "secure_note"
SECTION = "token-rotation"
URL_VARIABLE, TOKEN_VARIABLE = "OP_CONNECT_HOST", "OP_CONNECT_TOKEN"

Tell = Callable[[str], None]


class OnePasswordSettings(BaseModel):
    """What stands under `token-rotation:onePassword`.

    url:                  of the Connect server; without it OP_CONNECT_HOST. Its token comes from OP_CONNECT_TOKEN
    vault:                where the item of the settings stands, by id or name; without it the vault of the preferences
    create_settings_item: the stack makes that item once; its content is people's
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = ""
    vault: str = Field(default="", max_length=255)
    create_settings_item: bool = False

    @field_validator("url")
    @classmethod
    def _as_a_backend(cls, url: str) -> str:
        """The rules are those of a backend's url: no credential in it, and no plain http out of the cluster."""
        return BackendSettings(url=url, credential=Credential(env=TOKEN_VARIABLE)).url if url else ""

    def connect(self, environ: Mapping[str, str], transport: Callable[[str], Transport], clock: Clock) -> Connect:
        """The server and its token. Raises InvalidSettings where url or token are not set."""
        url, token = self.url or environ.get(URL_VARIABLE, ""), environ.get(TOKEN_VARIABLE, "")
        for value, name in ((url, URL_VARIABLE), (token, TOKEN_VARIABLE)):
            if not value:
                raise InvalidSettings("reach 1Password Connect", f"{name} is not set", f"Set {name} for the run.")
        return Connect(transport(url), token, clock)


@dataclass(frozen=True)
class KnownItem:
    """An item of the config as the look-up before the run found it.

    vault, title: the vault's id, and the title
    id:           of the one item of ours that bears the title; empty where there is none yet, or nobody could look
    mark:         the owner mark of the stack, a tag of everything that it makes
    """

    vault: str
    title: str
    id: str
    mark: str

    @property
    def import_id(self) -> str | None:
        """What the engine takes over where the state does not know it: what a lost answer of a POST left behind."""
        return f"vaults/{self.vault}/items/{self.id}" if self.id else None

    @property
    def tags(self) -> list[str]:
        return [TAG, self.mark]


def look_up(
    connect: Connect | None, places: Iterable[ItemPlace], remembered: Mapping[str, str], mark: str, tell: Tell
) -> dict[str, KnownItem]:
    """What stands at each place now, by the place's text.

    connect:    None where there is no usable Connect
    remembered: name -> id of the vaults that an earlier run resolved
    Raises InvalidSettings before anything is declared: for a vault that nobody can resolve, an item that is not ours,
    two of one title, and two places that are one.
    """
    known: dict[str, KnownItem] = {}
    vaults: dict[str, str] = {}
    for place in places:
        if place.vault not in vaults:
            vaults[place.vault] = look_up_vault(connect, place.vault, remembered, tell)
        found = look_up_item(connect, vaults[place.vault], place.item, mark, tell)
        for other, taken in known.items():
            if (taken.vault, taken.title) == (found.vault, found.title) and other != str(place):
                act = f"publish to the item {found.title!r} of 1Password"
                cause = f"{other} and {place} are the same item"
                raise InvalidSettings(act, cause, "Give each token its own item.")
        known[str(place)] = found
    return known


def look_up_vault(connect: Connect | None, vault: str, remembered: Mapping[str, str], tell: Tell) -> str:
    """The id of a vault. While it cannot be resolved the one that it had counts: with another id each item is another.

    Raises InvalidSettings where it never was resolved: nothing may be minted that could not be published.
    """
    if is_id(vault):
        return vault
    cause = "1Password Connect cannot be reached"
    try:
        if connect is not None:
            return connect.vault_id(vault)
    except BackendError as error:
        cause = error.cause
    if vault not in remembered:
        remedy = "Correct the name, start Connect, or give the vault's id instead."
        raise InvalidSettings(f"find the vault {vault!r} of 1Password", cause, remedy)
    tell(f"the vault {vault!r} of 1Password cannot be looked up ({cause}); the id that it had counts")
    return remembered[vault]


def look_up_item(connect: Connect | None, vault: str, title: str, mark: str, tell: Tell) -> KnownItem:
    """What bears the title in the vault of this id; where nobody can look, the state alone counts.

    Raises InvalidSettings for an item that is not ours, and for two of one title, of which consumers could not tell
    which is meant.
    """
    nothing = KnownItem(vault, title, "", mark)
    try:
        found = connect.find(vault, title) if connect is not None else []
    except BackendError as error:
        tell(f"the item {title!r} of 1Password cannot be looked up ({error.cause}); the state alone counts")
        return nothing
    act = f"publish to the item {title!r} of 1Password"
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        remedy = f"Remove or rename all but one of {ids}; ours bears the tag {mark}."
        raise InvalidSettings(act, f"{len(found)} items bear this title", remedy)
    if found and not {TAG, mark} <= set(found[0].tags):
        remedy = f"Rename it; or give it the tags {TAG} and {mark}, and the next run writes over it."
        raise InvalidSettings(act, f"an item of this title is there ({found[0].id}) and is not ours", remedy)
    return KnownItem(vault, title, found[0].id, mark) if found else nothing


def one_password_item(given: Published, item: KnownItem, opts: pulumi.ResourceOptions) -> onepassword.Item:
    """A secure note with `token`, during the overlap `token-previous`, and the facts under their names.

    One PUT replaces all of it, so that no reader sees a mixed pair; what others add to the item is gone with the next.
    """
    fields = pulumi.Output.all(given.values(), given.facts()).apply(lambda both: section_fields(*both))
    return onepassword.Item(
        f"{given.token}-item-{item.vault}/{item.title}",
        vault=item.vault,
        title=item.title,
        category=CATEGORY,
        tags=item.tags,
        sections=fields.apply(lambda told: [{"label": SECTION, "fields": told}]),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(import_=item.import_id)),
    )


def section_fields(values: Mapping[str, str], facts: Mapping[str, str]) -> list[dict[str, str]]:
    """The fields in the order in which people read them: values concealed, facts as text.

    An instant is text, too: Connect's own DATE knows no time of day.
    """
    concealed = [_field(label, values[label], "CONCEALED") for label in _present((CURRENT_KEY, PREVIOUS_KEY), values)]
    return concealed + [_field(label, facts[label], "STRING") for label in _present(FACTS, facts)]


def _present(labels: Iterable[str], told: Mapping[str, str]) -> list[str]:
    return [label for label in labels if told.get(label)]


def _field(label: str, value: str, kind: str) -> dict[str, str]:
    return {"label": label, "type": kind, "value": value}
