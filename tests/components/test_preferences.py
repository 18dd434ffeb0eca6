"""What people set in 1Password reaches the stack."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from components.preferences import ITEM_TITLE, settings_place, with_preferences
from components.settings import Settings, read_settings
from rotation.errors import InvalidSettings
from rotation.margins import refuse_impossible
from rotation.preferences import DEFAULT, ITEM, LONGEST_INTERVAL, LONGEST_OVERLAP, resolve
from tests.components.people_world import PeopleWorld
from tests.components.stack_config import ADMIN, AUTHENTIK, PROJECT, as_text, read, with_policy

MARK = "homelab-12345678"
PLAIN = {"backend": "authentik", "publish": ADMIN["publish"]}


@pytest.fixture
def world() -> PeopleWorld:
    made = PeopleWorld()
    made.write_item()
    return made


def test_the_item_is_read_by_vault_and_title(world: PeopleWorld) -> None:
    """The fields of the item become settings, in a quiet run."""
    world.write_item(overlap_days=" 45 ")
    people = world.read()
    assert (people.preferences.overlap_days, people.preferences.sources["overlap_days"]) == (45, ITEM)
    assert world.told == []


def test_without_the_key_nothing_is_asked(world: PeopleWorld) -> None:
    """A stack that names no 1Password reads none, and says nothing of it."""
    world.one_password = None
    world.write_item(overlap_days="45")
    assert world.read().preferences.overlap_days == 30
    assert (world.told, sum(world.connect.server.calls.values())) == ([], 0)


def test_with_neither_the_defaults_count(world: PeopleWorld) -> None:
    """Without 1Password and without a cluster to remember it, the defaults count, in one line that says both."""
    world.write_item(overlap_days="45")
    world.faults.down = True
    people = world.read()

    assert people.preferences.sources["overlap_days"] == DEFAULT
    (line,) = world.told
    assert "nothing was read from it before (the Secret authentik/authentik-token-rotation-config cannot be" in line
    assert line.endswith("so the defaults count")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("one_password", {"vualt": "homelab"}, "token-rotation:onePassword.vualt: this key is unknown"),
        ("one_password", {"url": "http://example.com"}, "would send the credential in clear"),
        ("one_password", {"url": "https://user:planted@example.com"}, "a url must not hold a credential"),
        ("stack", {"overlap_days": "many"}, "token-rotation:preferences.overlap_days: it is not"),
        ("stack", ["overlap_days"], "token-rotation:preferences: it is not structured config"),
    ],
)
def test_a_slip_in_the_config_is_refused(world: PeopleWorld, key: str, value: Any, told: str) -> None:
    """What stands wrongly in the stack's config is refused by its key, before anything is asked."""
    setattr(world, key, value)
    with pytest.raises(InvalidSettings) as refused:
        world.read()
    assert told in str(refused.value)
    assert "planted" not in str(refused.value)
    assert not world.connect.server.calls


# --- what the settings do to a stack ----------------------------------------------------------------------------------


def _settings(item: dict[str, str], told: list[str], tokens: Any = None, **config: Any) -> Settings:
    return with_preferences(read(tokens or {"admin": PLAIN}, **config), resolve({}, {}, item), told.append)


def test_the_defaults_change_nothing_but_warnings() -> None:
    """With the seed's values a token has the default policy of its kind, and warnings 60 and 30 days before its end."""
    plain, preferred = read({"admin": PLAIN}), _settings({}, [])
    warnings = (timedelta(days=60), timedelta(days=30))
    assert preferred.policy("admin") == plain.policy("admin").model_copy(update={"warn_before": warnings})
    assert preferred.run_interval == plain.run_interval
    assert not preferred.tokens["admin"].paused


def test_overlap_days_is_the_overlap() -> None:
    """A token of Authentik without a policy overlaps so long, and rotates so much earlier; another's is its own."""
    policy = _settings({"overlap_days": "45"}, []).policy("admin")
    assert (policy.overlap, policy.rotate_before) == (timedelta(days=45), timedelta(days=48))
    own = _settings({"overlap_days": "45"}, [], {"admin": ADMIN}).policy("admin")
    assert own == read({"admin": ADMIN}).policy("admin")


def test_warning_days_warns() -> None:
    """The first warning comes so many days before the end, the second at 30, where that is later."""
    assert _settings({"warning_days": "90"}, []).policy("admin").warn_before == (
        timedelta(days=90),
        timedelta(days=30),
    )
    assert _settings({"warning_days": "20"}, []).policy("admin").warn_before == (timedelta(days=20),)


def test_every_overlap_that_is_taken_can_hold() -> None:
    """Whatever overlap and interval a person may set, the default policy holds: a slip there cannot end the runs."""
    for days in range(1, LONGEST_OVERLAP + 1):
        policy = _settings({"overlap_days": str(days), "check_interval": "36h"}, []).policy("admin")
        refuse_impossible("admin", policy, LONGEST_INTERVAL)


def test_rotation_enabled_pauses() -> None:
    """`false` pauses the tokens of Authentik that do not say themselves whether they are paused, and no other."""
    vault = {"backend": "vault", "spec": {"role": "r"}, "publish": [_secret("v")]}
    tokens = {
        "admin": PLAIN,
        "insistent": {**PLAIN, "paused": False, "publish": [_secret("insistent")]},
        "vault-admin": vault,
    }
    servers = {"authentik": AUTHENTIK, "vault": {"url": "https://vault.example.com", "credential": {"env": "T"}}}
    found = _settings({"rotation_enabled": "false"}, [], tokens, backends=servers).tokens
    assert [name for name, token in found.items() if token.paused] == ["admin"]


def _secret(name: str) -> dict[str, Any]:
    return {"kubernetesSecret": {"namespace": "apps", "name": name}}


def test_check_interval_is_the_run_interval() -> None:
    """Where the stack sets no run_interval the item does; where it does, the item changes nothing."""
    assert _settings({"check_interval": "12h"}, []).run_interval == timedelta(hours=12)
    assert _settings({"check_interval": "12h"}, [], run_interval="6h").run_interval == timedelta(hours=6)


def test_an_interval_that_a_policy_cannot_hold_is_passed_over() -> None:
    """The item's interval ends no run: one line names it and the token; the stack's own is refused."""
    impatient = with_policy(tolerated_outage="2d")
    told: list[str] = []
    assert _settings({"check_interval": "25h"}, told, impatient).run_interval == timedelta(days=1)
    assert "check_interval of the item" in told[0]
    assert "(token admin)" in told[0]
    with pytest.raises(InvalidSettings):
        with_preferences(read(impatient), resolve({"check_interval": "25h"}, {}, None), told.append)


def test_the_item_of_publications_is_that_of_the_settings() -> None:
    """A publication that names no vault or no title goes to those of the settings."""
    preferences = resolve({}, {}, {"onepassword_vault": "other", "onepassword_item": "Another Token"})
    structured = {
        "tokens": {"admin": {**PLAIN, "publish": [{"onePassword": {}}]}},
        "backends": {"authentik": AUTHENTIK},
    }
    config = {f"{PROJECT}:{key}": as_text(value) for key, value in structured.items()}
    (published,) = read_settings(config, PROJECT, preferences).tokens["admin"].publish
    assert str(published.one_password) == "other/Another Token"


# --- the settings item ------------------------------------------------------------------------------------------------


def test_the_settings_item_is_made_where_there_is_none(world: PeopleWorld) -> None:
    """With `create_settings_item` a missing item has a place to be made, and the run is quiet about it."""
    (item,) = world.connect.server.items(world.connect.vault)
    world.connect.server.remove_by_hand(item["id"])
    world.connect.settle()
    world.one_password = {"create_settings_item": True}
    people = world.read()
    place = settings_place(people, MARK, world.told.append)

    assert place is not None
    assert (place.vault, place.title, place.id) == (world.connect.vault, ITEM_TITLE, "")
    assert world.told == []


def test_a_settings_item_that_a_person_made_is_only_read(world: PeopleWorld) -> None:
    """An item of people's own is never declared, whatever the config asks, and neither without being asked."""
    assert settings_place(world.read(), MARK, world.told.append) is None
    world.one_password = {"create_settings_item": True}
    assert settings_place(world.read(), MARK, world.told.append) is None
