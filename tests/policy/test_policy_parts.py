"""Jitter, windows, blackouts and the zone, as they are written in the config and kept in a state."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotation.durations import format_time_of_day, parse_date, parse_time_of_day
from rotation.model import WEEK, Blackout, Policy, Window, stored_policy
from rotation.testing.builders import DAY, START, a_policy
from rotation.testing.strategies import policies

NIGHT = {"days": ["mon", "tue", "sun"], "from": "22:00", "to": "04:00"}
CHRISTMAS = {"from": "2026-12-20", "to": "2027-01-03"}


def test_the_parts_are_read_as_they_are_written() -> None:
    """Days, local times and dates in the form of the config; every day where no days are told."""
    policy = a_policy(jitter="6h", windows=[NIGHT, {"from": "00:00", "to": "24:00"}], blackouts=[CHRISTMAS])
    night, always = policy.windows
    assert (night.days, night.opens, night.closes) == (("mon", "tue", "sun"), timedelta(hours=22), timedelta(hours=4))
    assert (always.days, always.opens, always.closes) == (WEEK, timedelta(0), DAY)
    assert (policy.blackouts[0].first, policy.blackouts[0].last) == (date(2026, 12, 20), date(2027, 1, 3))
    assert (policy.jitter, policy.time_zone) == (timedelta(hours=6), "UTC")
    assert a_policy(time_zone="Europe/Berlin").time_zone == "Europe/Berlin"


def test_dates_that_yaml_has_read_already() -> None:
    """A YAML reader makes a date of an unquoted one; it means the same."""
    read = {"from": date(2026, 12, 20), "to": date(2027, 1, 3)}
    assert a_policy(blackouts=[read]) == a_policy(blackouts=[CHRISTMAS])


def test_a_blackout_covers_both_of_its_dates() -> None:
    """From the first to the last, and not the days around them; one date can be both."""
    blackout = Blackout.model_validate(CHRISTMAS)
    days = [date(2026, 12, 19), date(2026, 12, 20), date(2026, 12, 31), date(2027, 1, 3), date(2027, 1, 4)]
    assert [blackout.covers(day) for day in days] == [False, True, True, True, False]
    assert Blackout.model_validate({"from": "2026-12-24", "to": "2026-12-24"}).covers(date(2026, 12, 24))


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown zone": ({"time_zone": "Europe/Berln"}, "time_zone", "'Europe/Berln' is no time zone that this system"),
    "a part of a zone's name": (
        {"time_zone": "Europe"},
        "time_zone",
        "write a name of the tz database, as in Europe/B",
    ),
    "no zone": ({"time_zone": ""}, "time_zone", "'' is no time zone"),
    "a path": ({"time_zone": "../etc/passwd"}, "time_zone", "'../etc/passwd' is no time zone"),
    "a window of nothing": (
        {"windows": [{"from": "22:00", "to": "22:00"}]},
        "windows.0",
        'a window that closes when it opens is empty; a whole day is `from: "00:00", to: "24:00"`',
    ),
    "a window on no day": ({"windows": [{**NIGHT, "days": []}]}, "windows.0", "a window on no day never opens"),
    "a window that opens at the end of the day": (
        {"windows": [{"from": "24:00", "to": "04:00"}]},
        "windows.0",
        'a window that opens at 24:00 opens on the day after; write `from: "00:00"` of that day',
    ),
    "an unknown day": ({"windows": [{**NIGHT, "days": ["monday"]}]}, "windows.0.days.0", "'mon', 'tue'"),
    "a window without an end": ({"windows": [{"from": "22:00"}]}, "windows.0.to", "Field required"),
    "a window without a beginning": ({"windows": [{"to": "22:00"}]}, "windows.0.from", "Field required"),
    "a slip in a window": ({"windows": [{**NIGHT, "day": ["mon"]}]}, "windows.0.day", "Extra inputs"),
    "a time that YAML took for a number": (
        {"windows": [{**NIGHT, "from": 1320}]},
        "windows.0.from",
        '1320 is no time of day; write it in quotes and with two digits each, as in "04:30"',
    ),
    "a blackout that ends before it begins": (
        {"blackouts": [{"from": "2027-01-03", "to": "2026-12-20"}]},
        "blackouts.0",
        "a blackout from 2027-01-03 to 2026-12-20 ends before it begins",
    ),
    "a blackout without an end": ({"blackouts": [{"from": "2026-12-20"}]}, "blackouts.0.to", "Field required"),
    "a slip in a blackout": ({"blackouts": [{**CHRISTMAS, "until": "x"}]}, "blackouts.0.until", "Extra inputs"),
    "no jitter at all": ({"jitter": "0d"}, "jitter", "a duration must be longer than zero"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_says_nothing_is_refused(case: tuple[dict[str, Any], str, str]) -> None:
    """The message names the key as it is written, and what is wrong with it."""
    parts, key, said = case
    with pytest.raises(ValidationError) as refused:
        a_policy(**parts)
    (error,) = refused.value.errors()
    assert ".".join(str(part) for part in error["loc"]) == key
    assert said in error["msg"]


@pytest.mark.parametrize(
    "text",
    ["", "4:30", "04:3", "24:01", "25:00", "04:60", "04:30:00", "04.30", " 04:30", "04:30\n", "-1:00", None, 4.5],
)
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    """Nothing is guessed: two digits, a colon, two digits, from 00:00 to 24:00."""
    with pytest.raises(ValueError, match="is no time of day"):
        parse_time_of_day(text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-1-5",
        "2026-13-01",
        "2026-02-30",
        "20261220",
        "2026-W01-1",
        "x2026-12-20",
        "2026-12-20T00",
        1,
        None,
        START,
    ],
)
def test_what_is_no_date_is_refused(value: object) -> None:
    """Nothing is guessed, and an instant is no date."""
    with pytest.raises(ValueError, match="is no date; write year, month and day, as in 2026-12-20"):
        parse_date(value)


@given(st.integers(0, 1440))
def test_a_time_of_day_survives_its_text(minutes: int) -> None:
    """Each minute of a day, and its end, is read back from what was written."""
    length = timedelta(minutes=minutes)
    assert parse_time_of_day(format_time_of_day(length)) == length == parse_time_of_day(length)


@given(st.dates())
def test_a_date_survives_its_text(day: date) -> None:
    """Each date is read back from what was written."""
    assert parse_date(day.isoformat()) == day == parse_date(day)


def test_the_stored_form() -> None:
    """The stored form is a public format: what the config says, by the same names."""
    policy = a_policy(jitter="6h", windows=[NIGHT], blackouts=[CHRISTMAS], time_zone="Europe/Berlin")
    stored = policy.model_dump(mode="json")
    assert (stored["jitter"], stored["windows"], stored["blackouts"], stored["time_zone"]) == (
        *("6h", [NIGHT], [CHRISTMAS], "Europe/Berlin"),
    )


def test_a_stored_policy_of_an_older_release_is_read() -> None:
    """It has none of these parts, and a policy that uses none is stored as the older release stored it."""
    older: dict[str, Any] = {
        "lifetime": "90d",
        "rotate_before": "33d",
        "rotate_every": None,
        "renew_before": None,
        "overlap": "30d",
        "tolerated_outage": "3d",
        "warn_before": [],
    }
    assert Policy.model_validate(older) == a_policy()
    assert a_policy().model_dump(mode="json") == older
    assert a_policy(time_zone="UTC", windows=[], blackouts=[]).model_dump(mode="json") == older


@given(policies(waits=True))
def test_a_policy_survives_the_state(policy: Policy) -> None:
    """What is stored as JSON is read back the same, each time."""
    stored = json.loads(json.dumps(policy.model_dump(mode="json")))
    assert Policy.model_validate(stored) == stored_policy(stored) == stored_policy(stored) == policy


def test_a_stored_policy_is_read_once() -> None:
    """The same text gives the same object, another text another; a broken one is refused each time."""
    stored = a_policy().model_dump(mode="json")
    assert stored_policy(stored) is stored_policy(dict(stored))
    assert stored_policy({**stored, "overlap": "29d"}).overlap == 29 * DAY
    for _ in range(2):
        with pytest.raises(ValidationError, match="is not a duration"):
            stored_policy({**stored, "overlap": "x"})


def test_a_window_cannot_be_changed() -> None:
    """Policies are shared by all that read the same text, so nothing in them can be set."""
    window, blackout = Window.model_validate(NIGHT), Blackout.model_validate(CHRISTMAS)
    for part, name in ((window, "opens"), (blackout, "first"), (a_policy(), "jitter")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, timedelta(0))
    assert isinstance(hash(a_policy(windows=[NIGHT], blackouts=[CHRISTMAS])), int)


def test_an_instant_is_no_date_of_a_blackout() -> None:
    """A time of day in a blackout would be cut without a word."""
    with pytest.raises(ValidationError, match="is no date"):
        Blackout.model_validate({"from": datetime(2026, 12, 20, 12, tzinfo=START.tzinfo), "to": "2026-12-21"})
