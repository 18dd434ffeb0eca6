"""Where each setting comes from, and what of it is refused or passed over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rotation.errors import InvalidSettings
from rotation.preferences import (
    DEFAULT,
    ENVIRONMENT,
    EXPECTED,
    FIELDS,
    ITEM,
    LAST_READ,
    STACK,
    VARIABLES,
    Preferences,
    as_texts,
    from_secret,
    resolve,
)

SEEDED = {
    "rotation_enabled": "true",
    "overlap_days": "30",
    "check_interval": "1d",
    "warning_days": "60",
    "onepassword_vault": "homelab",
    "onepassword_item": "Authentik Admin Token",
    "notification_enabled": "true",
    "notification_webhook": "",
    "validation_enabled": "true",
    "validation_timeout": "30s",
}
CHANGED = {
    "rotation_enabled": ("false", False),
    "overlap_days": ("45", 45),
    "check_interval": ("12h", timedelta(hours=12)),
    "warning_days": ("50", 50),
    "onepassword_vault": ("other", "other"),
    "onepassword_item": ("Another Token", "Another Token"),
    "notification_enabled": ("no", False),
    "notification_webhook": ("https://example.com/planted", None),
    "validation_enabled": ("0", False),
    "validation_timeout": ("5s", timedelta(seconds=5)),
}
BAD = {
    "rotation_enabled": "perhaps",
    "overlap_days": "many",
    "check_interval": "37h",
    "warning_days": "0",
    "notification_enabled": "2",
    "notification_webhook": "example.com/planted",
    "validation_enabled": "-",
    "validation_timeout": "77",
}


def test_the_defaults_are_those_of_the_seed() -> None:
    """Without any source the seven variables and ten fields have seed 000's values, and say that they are defaults."""
    found = resolve({}, {}, None)
    assert as_texts(found) == SEEDED
    assert found.namespace == "authentik"
    assert found.sources == dict.fromkeys(EXPECTED, DEFAULT)
    assert tuple(SEEDED) == FIELDS
    assert found.model_copy(update={"sources": {}}) == Preferences()


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_of_the_item_counts(name: str) -> None:
    """A field of the item, and no other, changes the typed setting of its name and is named as its source."""
    text, value = CHANGED[name]
    found = resolve({}, {}, {**SEEDED, name: text})
    before = resolve({}, {}, SEEDED)
    differing = [field for field in FIELDS if getattr(found, field) != getattr(before, field)]

    assert differing == [name]
    assert found.sources[name] == ITEM
    if name == "notification_webhook":
        assert found.notification_webhook is not None
        assert found.notification_webhook.get_secret_value() == text
    else:
        assert getattr(found, name) == value


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_counts(name: str) -> None:
    """Seed 000's seven variables have its names, and each sets its setting before the item does."""
    text = {"namespace": "identity", **{field: pair[0] for field, pair in CHANGED.items()}}[name]
    found = resolve({}, {name.upper(): text}, SEEDED)
    assert found.sources[name] == ENVIRONMENT
    assert getattr(found, name) != getattr(Preferences(), name)


def test_the_first_source_wins_field_by_field() -> None:
    """Stack config, environment, item and default are asked in this order, each field for itself."""
    item = {"overlap_days": "10", "warning_days": "20", "validation_timeout": "7s"}
    found = resolve({"overlap_days": 12}, {"OVERLAP_DAYS": "11", "WARNING_DAYS": "21"}, item)

    assert (found.overlap_days, found.warning_days, found.validation_timeout) == (12, 21, timedelta(seconds=7))
    names = ("overlap_days", "warning_days", "validation_timeout", "check_interval")
    assert [found.sources[name] for name in names] == [STACK, ENVIRONMENT, ITEM, DEFAULT]


def test_an_empty_text_sets_nothing() -> None:
    """An empty variable, field or key counts as one that is left out."""
    found = resolve({"overlap_days": None}, {"WARNING_DAYS": ""}, {"overlap_days": ""}, {"overlap_days": "40"})
    assert found.sources == dict.fromkeys(EXPECTED, DEFAULT)


def test_without_the_item_what_was_last_read_counts() -> None:
    """When the item cannot be read its last values stand for it, below stack and environment, and say so."""
    last = {"overlap_days": "40", "warning_days": "41", "validation_timeout": "9s"}
    found = resolve({"overlap_days": 12}, {"WARNING_DAYS": "21"}, None, last)

    assert (found.overlap_days, found.warning_days, found.validation_timeout) == (12, 21, timedelta(seconds=9))
    assert found.sources["validation_timeout"] == LAST_READ
    assert not found.ignored


def test_a_field_that_a_person_removed_is_not_remembered() -> None:
    """An item that was read and has no such field means the default, whatever it said before."""
    assert resolve({}, {}, {"warning_days": "50"}, {"overlap_days": "40"}).overlap_days == 30


@pytest.mark.parametrize("name", BAD)
def test_a_bad_field_of_the_item_is_passed_over(name: str) -> None:
    """A slip in the item ends no run: the value last read counts, else the default; its text is not told."""
    remembered = resolve({}, {}, {name: BAD[name]}, {name: CHANGED[name][0]})
    forgotten = resolve({}, {}, {name: BAD[name]})

    assert remembered.sources[name] == LAST_READ
    assert forgotten.sources[name] == DEFAULT
    assert remembered.ignored == forgotten.ignored == {name: f"it is not {EXPECTED[name]}"}
    assert BAD[name] not in str(remembered.ignored)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_of_the_stack_is_refused(name: str) -> None:
    """What a person deploys is refused by name with what is expected, and without the text, which may be a value."""
    with pytest.raises(InvalidSettings) as refused:
        resolve({name: BAD[name]}, {}, None)
    assert f"token-rotation:preferences.{name}: it is not {EXPECTED[name]}. Correct it" in str(refused.value)
    assert "planted" not in repr(refused.value)


@pytest.mark.parametrize("name", sorted(set(BAD) & set(VARIABLES)))
def test_a_bad_variable_is_refused(name: str) -> None:
    """The environment is part of what a person deploys: a bad value there is refused, at run time, too."""
    environ = {name.upper(): BAD[name]}
    told = f"the environment variable {name.upper()}: it is not"
    with pytest.raises(InvalidSettings, match=told):
        resolve({}, environ, SEEDED)
    with pytest.raises(InvalidSettings, match=told):
        from_secret(SEEDED, {}, environ)


@pytest.mark.parametrize("stack", [{"overlapp_days": 30}, {"overlap_days": True}, {"overlap_days": {"days": 3}}])
def test_a_slip_in_the_stack_is_refused(stack: dict[str, Any]) -> None:
    """An unknown key, a switch for a number and a map for a number are refused."""
    with pytest.raises(InvalidSettings):
        resolve(stack, {}, None)


@pytest.mark.parametrize(
    ("name", "last_good", "first_bad"),
    [
        ("overlap_days", 180, 181),
        ("warning_days", 364, 365),
        ("check_interval", "36h", "37h"),
        ("validation_timeout", "10m", "11m"),
    ],
)
def test_limits_are_where_they_are_said_to_be(name: str, last_good: Any, first_bad: Any) -> None:
    """The last value that can hold is taken, the next one is refused."""
    assert resolve({name: last_good}, {}, None).sources[name] == STACK
    with pytest.raises(InvalidSettings):
        resolve({name: first_bad}, {}, None)


def test_a_job_finds_what_the_stack_resolved() -> None:
    """From the Secret alone come the same values with the same sources."""
    resolved = resolve({"overlap_days": 12}, {"WARNING_DAYS": "21"}, {name: CHANGED[name][0] for name in FIELDS})
    found = from_secret(as_texts(resolved), resolved.sources, {"TOKEN_ROTATION_SETTINGS": "authentik/config"})
    assert found == resolved


def test_a_jobs_own_environment_counts_below_the_stack() -> None:
    """At run time a variable beats what came from the item, and never what the stack config set."""
    resolved = resolve({"overlap_days": 12}, {}, {"warning_days": "50"})
    environ = {"OVERLAP_DAYS": "13", "WARNING_DAYS": "51", "TOKEN_ROTATION_SETTINGS": "identity/config"}
    found = from_secret(as_texts(resolved), resolved.sources, environ)

    assert (found.overlap_days, found.warning_days, found.namespace) == (12, 51, "identity")
    assert (found.sources["overlap_days"], found.sources["warning_days"]) == (STACK, ENVIRONMENT)


def test_without_the_secret_a_job_has_the_defaults() -> None:
    """A job that finds no Secret goes on with environment and defaults; a spoilt entry is passed over."""
    assert from_secret({}, {}, {}) == resolve({}, {}, None)
    spoilt = from_secret({"overlap_days": "many"}, {"overlap_days": ITEM}, {})
    assert (spoilt.overlap_days, spoilt.sources["overlap_days"]) == (30, DEFAULT)
    assert spoilt.ignored


def test_the_webhook_is_in_no_repr() -> None:
    """A webhook's url may hold a credential: no repr and no dump as text shows it; only the Secret has it in clear."""
    found = resolve({}, {"NOTIFICATION_WEBHOOK": "https://example.com/planted"}, None)
    assert "planted" not in repr(found) + str(found) + found.model_dump_json()
    assert as_texts(found)["notification_webhook"] == "https://example.com/planted"
