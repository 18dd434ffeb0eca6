from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.apis.authentik_records import TOKEN_EXPIRES, TOKEN_MAXIMUM_LIFETIME, duration
from sandbox.apis.authentik_store import next_sweep
from tests.sandbox.authentik_world import START, World

EXPIRED = {"detail": "Token invalid/expired"}


def test_the_server_overwrites_a_wished_expiry(world: World) -> None:
    """A wished `expires` of an api token is dropped without a word, in favour of the tenant's default."""
    made = world.create("one", expires="2027-01-01T00:00:00Z")
    assert made["expires"] == "2026-01-01T12:30:00Z"
    assert "key" not in made


def test_the_tenant_default_can_be_changed(world: World) -> None:
    """PATCH of the settings decides the lifetime of tokens made from then on, and of no other."""
    world.create("before")
    answer = world.call("PATCH", "/admin/settings/", {"default_token_duration": "days=30"})
    assert answer.json()["default_token_duration"] == "days=30"
    assert world.create("after")["expires"] == "2026-01-31T12:00:00Z"
    assert world.call("GET", "/core/tokens/before/").json()["expires"] == "2026-01-01T12:30:00Z"


def test_settings_need_their_permission(world: World) -> None:
    """Whoever may not edit system settings is refused with 403."""
    key = world.person("ann")
    assert world.call("PATCH", "/admin/settings/", {"default_token_duration": "days=1"}, key=key).status == 403
    rich = world.person("bob", "authentik_rbac.edit_system_settings")
    assert world.call("PATCH", "/admin/settings/", {"default_token_duration": "days=1"}, key=rich).status == 200


@pytest.mark.parametrize("text", ["forever", "years=1", "days=x", ""])
def test_an_unreadable_duration_is_refused(world: World, text: str) -> None:
    """A duration that is no duration is 400 and changes nothing."""
    assert world.call("PATCH", "/admin/settings/", {"default_token_duration": text}).status == 400
    assert world.call("GET", "/admin/settings/").json()["default_token_duration"] == "minutes=30"


def test_durations_add_up() -> None:
    """Parts are joined by semicolons, and may be fractions."""
    assert duration("days=1;hours=1.5") == timedelta(days=1, hours=1, minutes=30)


def test_a_superuser_may_ask_for_no_expiry(world: World) -> None:
    """`expiring: false` is honoured for superusers; `expires` is a date all the same, and means nothing."""
    made = world.create("one", expiring=False)
    assert (made["expiring"], made["expires"]) == (False, "2026-01-01T12:30:00Z")
    key = world.key_of("one")
    world.clock.move(days=400)
    assert world.call("GET", "/core/users/me/", key=key).status == 200


def test_nobody_else_may_ask_for_no_expiry(world: World) -> None:
    """Without the attribute, `expiring: false` of a non-superuser is dropped."""
    assert world.create("one", key=world.person("ann"), expiring=False)["expiring"] is True


def test_the_attribute_decides_for_others(world: World) -> None:
    """A user with the attribute `token-expires: false` gets non-expiring tokens, even when asking for the contrary."""
    key = world.person("ann", attributes={TOKEN_EXPIRES: False})
    assert world.create("one", key=key, expiring=True)["expiring"] is False


def test_an_expired_key_is_refused_at_once(world: World) -> None:
    """From the instant of expiry on the key is refused with 403 - never 401 - though the sweeper has not come yet."""
    world.create("one")
    key = world.key_of("one")
    world.clock.move(minutes=29, seconds=59)
    assert world.call("GET", "/core/users/me/", key=key).status == 200
    world.clock.move(seconds=1)
    answer = world.call("GET", "/core/users/me/", key=key)
    assert (answer.status, answer.json()) == (403, EXPIRED)
    assert world.key_of("one") == key


def test_the_sweeper_rekeys_in_place(world: World) -> None:
    """An expired api token never goes away: same row, new key, new expiry, event `secret_rotate`."""
    made = world.create("one")
    old = world.key_of("one")
    world.clock.move(minutes=32)
    swept = world.call("GET", "/core/tokens/one/").json()
    assert swept == {**made, "expires": "2026-01-01T13:02:00Z"}
    new = world.key_of("one")
    assert new != old
    assert len(new) == 60
    assert new.isalnum()
    assert not world.server.accepts(old)
    assert world.server.accepts(new)
    event = next(event for event in world.server.events if event.action == "secret_rotate")
    assert event.created == START + timedelta(minutes=32)
    assert event.context["message"] == "Token one's secret was rotated."


def test_a_long_silence_has_all_its_sweeps(world: World) -> None:
    """A clock that jumps finds what every sweep in between would have done."""
    world.create("one")
    world.clock.move(hours=2)
    rotations = [event.created for event in world.server.events if event.action == "secret_rotate"]
    assert rotations == [START + timedelta(minutes=minutes) for minutes in (32, 62, 92)]
    assert [token.expires for token in world.server.live_tokens() if token.identifier == "one"] == [
        START + timedelta(minutes=122)
    ]


def test_sweeping_by_hand_needs_no_sweep_minute(world: World) -> None:
    """`sweep()` re-keys what has expired by now, between the sweeper's own minutes."""
    world.create("one")
    world.clock.move(minutes=30)
    world.server.sweep()
    assert world.call("GET", "/core/tokens/one/").json()["expires"] == "2026-01-01T13:00:00Z"


def test_other_intents_are_deleted_by_the_sweeper(world: World) -> None:
    """An expired app password goes away, unlike an api token."""
    world.create("one", intent="app_password")
    world.clock.move(minutes=32)
    assert world.call("GET", "/core/tokens/one/").status == 404


@pytest.mark.parametrize(
    ("minute", "second", "expected"), [(0, 0, 2), (2, 0, 2), (2, 1, 7), (56, 59, 57), (57, 1, 62), (59, 59, 62)]
)
def test_sweep_minutes(minute: int, second: int, expected: int) -> None:
    """The sweeper comes at minutes 2, 7, ... 57 of each hour."""
    hour = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert next_sweep(hour.replace(minute=minute, second=second)) == hour + timedelta(minutes=expected)


def test_older_servers_delete_on_use() -> None:
    """With the switch, presenting an expired key deletes its row before the sweeper can re-key it."""
    world = World(delete_expired_on_use=True)
    world.create("one")
    key = world.key_of("one")
    world.clock.move(minutes=31)
    assert world.call("GET", "/core/users/me/", key=key).json() == EXPIRED
    assert world.call("GET", "/core/tokens/one/").status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_rearms_the_expiry(world: World, method: str) -> None:
    """Every update of an api token renews it, key unchanged: also one that has expired and is not yet swept."""
    made = world.create("one")
    key = world.key_of("one")
    world.clock.move(minutes=31)
    same = {name: made[name] for name in ("identifier", "intent", "user", "expiring")}
    answer = world.call(method, "/core/tokens/one/", same | {"expires": "2030-01-01T00:00:00Z"})
    assert answer.json()["expires"] == "2026-01-01T13:01:00Z"
    assert world.call("GET", "/core/users/me/", key=key).status == 200


def test_a_patch_without_intent_makes_an_api_token(world: World) -> None:
    """An app password becomes an api token when PATCH does not say its intent."""
    world.create("one", intent="app_password")
    assert world.call("PATCH", "/core/tokens/one/", {"description": "x"}).json()["intent"] == "api"


def test_a_patch_without_user_takes_the_token(world: World) -> None:
    """PATCH without `user` gives the token to the caller."""
    world.person("ann")
    world.server.issue("ann", "one")
    assert world.call("PATCH", "/core/tokens/one/", {"description": "x"}).json()["user_obj"]["username"] == "akadmin"


def test_a_patch_with_another_user_is_refused(world: World) -> None:
    """The owner cannot be changed by naming another, and the refused update leaves no trace."""
    other = world.server.add_user("ann")
    before = world.create("one")
    answer = world.call("PATCH", "/core/tokens/one/", {"user": other.pk, "description": "x"})
    assert (answer.status, answer.json()) == (400, {"user": ["User cannot be changed"]})
    assert world.call("GET", "/core/tokens/one/").json() == before


def test_an_app_password_keeps_a_wish_within_its_limit(world: World) -> None:
    """Its `expires` is honoured up to the owner's longest lifetime, and refused above."""
    key = world.person("ann", attributes={TOKEN_MAXIMUM_LIFETIME: "days=2"})
    made = world.create("one", key=key, intent="app_password", expires="2026-01-03T12:00:00Z")
    assert made["expires"] == "2026-01-03T12:00:00Z"
    wish = {"identifier": "two", "intent": "app_password", "expires": "2026-01-03T12:00:01Z"}
    answer = world.call("POST", "/core/tokens/", wish, key=key)
    assert answer.status == 400
    assert "Token expires exceeds maximum lifetime (" in answer.json()["expires"][0]


def test_an_app_password_is_limited_by_the_tenant(world: World) -> None:
    """Without the attribute the tenant's default is the limit."""
    wish = {"identifier": "one", "intent": "app_password", "expires": "2026-01-01T12:30:01Z"}
    assert world.call("POST", "/core/tokens/", wish).status == 400
