"""The forecast: what `decide` and the ledger will do, told ahead; exactly what playing each run would give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.checks import History, Published
from rotation.forecast import Event, Outlook, forecast, play
from rotation.ledger import Entry, Ledger
from rotation.model import Policy, is_newer
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, OWNER, START, a_generation, a_history, a_policy
from rotation.testing.strategies import histories, lengths, policies

GENERATION = a_generation(START)
BY_AGE = a_policy(lifetime="35d", rotate_before=None, rotate_every="25d", overlap="36h")
RENEWED = a_policy(lifetime="10d", rotate_before=None, rotate_every="25d", renew_before="5d", overlap="1d")


RUNS = 300


def told(policy: Policy, history: History, *waiting: Entry, count: int = 2, **times: Any) -> list[tuple[str, ...]]:
    """A forecast in the short: instant, action, reason, and the day that the generation was minted on."""
    times = {"now": START, "interval": DAY, **times}
    events = forecast(policy, history, waiting, times["now"], interval=times["interval"], count=count)
    return [(f"{e.instant:%m-%dT%H:%M}", e.action.value, e.reason.value, _minted(e.generation)) for e in events]


def _minted(generation: str) -> str:
    return generation.split("_")[2][:8] if "_" in generation else generation


def test_the_next_rotations_and_retirements() -> None:
    """Each rotation at the first run from its due instant on, each retirement at the first run after the overlap."""
    history = a_history(generation=GENERATION, expires=START + 35 * DAY)
    assert told(BY_AGE, history) == [
        ("01-26T12:00", "rotate", "MaximumAge", "20260101"),
        ("01-28T12:00", "retire", "DeadlinePassed", "20260101"),
        ("02-20T12:00", "rotate", "MaximumAge", "20260126"),
        ("02-22T12:00", "retire", "DeadlinePassed", "20260126"),
    ]


def test_what_waits_already_is_retired_too() -> None:
    """The ledger's entries end at the first run from their deadline on, also when no rotation is asked about."""
    waiting = Entry("old", "h", START + 36 * timedelta(hours=1)), Entry("older", "h", START - DAY, error="refused")
    assert told(BY_AGE, a_history(generation=GENERATION), *waiting, count=0) == [
        ("01-01T12:00", "retire", "DeadlinePassed", "older"),
        ("01-03T12:00", "retire", "DeadlinePassed", "old"),
    ]


def test_renewals_go_on_between_rotations() -> None:
    """A lease shorter than the age is renewed up to it, and the forecast tells the rotations alone."""
    history = a_history(generation=GENERATION, expires=START + 10 * DAY, renewable=True)
    assert told(RENEWED, history) == [
        ("01-26T12:00", "rotate", "MaximumAge", "20260101"),
        ("01-27T12:00", "retire", "DeadlinePassed", "20260101"),
        ("02-20T12:00", "rotate", "MaximumAge", "20260126"),
        ("02-21T12:00", "retire", "DeadlinePassed", "20260126"),
    ]


def test_a_cap_brings_the_rotation_forward() -> None:
    """Where renewals stop short of the age, the end calls: at the cap less overlap and outage."""
    history = a_history(generation=GENERATION, expires=START + 10 * DAY, renewable=True, cap=START + 20 * DAY)
    assert told(RENEWED, history) == [
        ("01-17T12:00", "rotate", "NearingExpiry", "20260101"),
        ("01-18T12:00", "retire", "DeadlinePassed", "20260101"),
        ("02-02T12:00", "rotate", "NearingExpiry", "20260117"),
        ("02-03T12:00", "retire", "DeadlinePassed", "20260117"),
    ]


def test_windows_and_runs_meet() -> None:
    """A rotation waits for a run inside a window; where runs and windows never meet it begins at the latest start."""
    window = {"days": ["sat"], "from": "10:00", "to": "14:00"}
    policy = a_policy(**{**_written(BY_AGE), "windows": [window]})
    history = a_history(generation=GENERATION, expires=START + 35 * DAY)
    assert told(policy, history, count=1)[0] == ("01-31T12:00", "rotate", "MaximumAge", "20260101")
    night = a_policy(**{**_written(BY_AGE), "windows": [{"from": "22:00", "to": "23:00"}]})
    assert told(night, history, count=1)[0] == ("02-01T12:00", "rotate", "MaximumAge", "20260101")


def test_a_force_and_an_emergency_are_used_up_at_once() -> None:
    """The next run obeys, the emergency ends what is superseded in that run, and the schedule begins anew."""
    waiting = Entry("old", "h", START + DAY)
    emergency = a_history(generation=GENERATION, emergency=True)
    assert told(BY_AGE, emergency, waiting, now=START + DAY) == [
        ("01-02T12:00", "rotate", "Emergency", "20260101"),
        ("01-02T12:00", "retire", "DeadlinePassed", "old"),
        ("01-02T12:00", "retire", "DeadlinePassed", "20260101"),
        ("01-27T12:00", "rotate", "MaximumAge", "20260102"),
        ("01-29T12:00", "retire", "DeadlinePassed", "20260102"),
    ]
    forced = a_history(generation=GENERATION, forced=True)
    assert told(BY_AGE, forced, now=START + DAY, count=1) == [
        ("01-02T12:00", "rotate", "ForcedByOperator", "20260101"),
        ("01-04T12:00", "retire", "DeadlinePassed", "20260101"),
    ]


def test_a_paused_token_is_renewed_and_retired_but_never_rotated() -> None:
    """The forecast of a paused token ends with its last retirement; renewals without an end do not keep it for ever."""
    history = a_history(generation=GENERATION, paused=True)
    assert told(BY_AGE, history, Entry("old", "h", START + DAY)) == [
        ("01-02T12:00", "retire", "DeadlinePassed", "old"),
    ]
    renewed = a_history(generation=GENERATION, paused=True, renewable=True, expires=START + 10 * DAY)
    assert told(RENEWED, renewed) == []


def test_what_heals_by_itself_is_taken_as_healed() -> None:
    """An unreachable backend, a failed publication and a missing turn are not foretold; a person's hold is."""
    published = Published(a_generation(START - DAY), START + 200 * DAY)
    broken = a_history(generation=GENERATION, unreachable="no route", published=published, slot=False)
    assert told(BY_AGE, broken) == told(BY_AGE, a_history(generation=GENERATION))
    same_second = a_generation(START)
    other = replace(broken, published=Published(same_second, None), newest_seen=same_second)
    assert told(BY_AGE, other) == told(BY_AGE, a_history(generation=GENERATION))
    held = a_history(generation=GENERATION, rolled_back=True)
    assert told(BY_AGE, held, count=1) == [
        ("02-01T12:00", "rotate", "MaximumAge", "20260101"),
        ("02-03T12:00", "retire", "DeadlinePassed", "20260101"),
    ]


def test_a_full_ledger_waits_for_its_deadlines() -> None:
    """With sixteen waiting nothing is minted until the first of them ends."""
    full = [Entry(f"old{number}", "h", START + 40 * DAY) for number in range(16)]
    (*retired, rotated, _) = told(BY_AGE, a_history(generation=GENERATION), *full, count=1)
    assert rotated == ("02-11T12:00", "rotate", "MaximumAge", "20260101")
    assert {instant for instant, *_ in retired} == {"02-10T12:00"}


def test_a_restored_state_is_foretold() -> None:
    """Nothing happens until what was published is due; then the token goes on from what the state holds."""
    newer = a_generation(START + 10 * DAY)
    older = a_history(generation=GENERATION, newest_seen=newer, published=Published(newer, START + 50 * DAY))
    assert told(BY_AGE, older, count=1)[0] == ("02-05T12:00", "rotate", "MaximumAge", "20260101")


def test_a_rollback_is_foretold() -> None:
    """The former generation is current again, leaves the ledger, and stays until its latest start."""
    former = a_generation(START - 10 * DAY)
    waiting = Entry(former, "h", START + 2 * DAY), Entry("old", "h", START + DAY)
    history = a_history(generation=GENERATION, rollback=True, fallback=former)
    assert told(BY_AGE, history, *waiting) == [
        ("01-01T12:00", "rollback", "RollbackRequested", "20260101"),
        ("01-02T12:00", "retire", "DeadlinePassed", "old"),
        ("01-03T12:00", "retire", "DeadlinePassed", "20260101"),
        ("01-22T12:00", "rotate", "MaximumAge", "20251222"),
        ("01-24T12:00", "retire", "DeadlinePassed", "20251222"),
    ]


def test_a_paused_token_rolls_back() -> None:
    """A rollback mints nothing, so a pause does not hold it, and goes on after it."""
    former = a_generation(START - 10 * DAY)
    history = a_history(generation=GENERATION, rejected=True, fallback=former, paused=True)
    assert told(BY_AGE, history) == [
        ("01-01T12:00", "rollback", "RolledBack", "20260101"),
        ("01-03T12:00", "retire", "DeadlinePassed", "20260101"),
    ]


def test_an_adoption_is_foretold() -> None:
    """What is adopted is taken to be granted the policy's life from then on."""
    history = a_history(generation=GENERATION, adoptable="authentik/admin")
    assert told(BY_AGE, history) == [
        ("01-01T12:00", "adopt", "Adopted", "20260101"),
        ("01-03T12:00", "retire", "DeadlinePassed", "20260101"),
        ("01-26T12:00", "rotate", "MaximumAge", "20260101"),
        ("01-28T12:00", "retire", "DeadlinePassed", "20260101"),
    ]


def test_a_generation_that_is_no_id_is_foretold() -> None:
    """Its successors are named after it; a fallback that is no id counts as minted now."""
    history = History("by-hand", START)
    events = forecast(BY_AGE, history, (), START, interval=DAY, count=3)
    assert [event.generation for event in events if event.action is Action.ROTATE] == [
        *("by-hand", "by-hand_20260126t120000z_future", "by-hand_20260126t120000z_future_20260220t120000z_future"),
    ]
    back = replace(history, rollback=True, fallback="another")
    events = forecast(BY_AGE, back, (), START, interval=DAY, count=2)
    assert [f"{event.instant:%m-%d}" for event in events if event.action is not Action.RETIRE] == ["01-01", "02-01"]


def test_an_instant_between_seconds() -> None:
    """A run at a part of a second mints a generation of that second, as its id says."""
    now = START + timedelta(milliseconds=700)
    (rotation, *_) = forecast(BY_AGE, a_history(generation=GENERATION, forced=True), (), now, interval=DAY, count=1)
    assert rotation == Event(now, Action.ROTATE, Reason.FORCED_BY_OPERATOR, GENERATION)
    after, _ = play(BY_AGE, Outlook(a_history(generation=GENERATION, forced=True), Ledger()), now)
    assert after.history.created == START
    assert after.history.generation == f"{OWNER}_admin_20260101t120000z_future"


@settings(max_examples=60, deadline=None)
@given(
    policies(waits=True),
    histories(),
    st.lists(lengths(timedelta(days=-5), timedelta(days=60)), max_size=4),
    st.one_of(lengths(timedelta(hours=1), timedelta(hours=60)), st.just(DAY)),
    st.integers(0, 3),
)
def test_a_forecast_is_what_each_run_gives(
    policy: Policy, history: History, deadlines: list[timedelta], interval: timedelta, count: int
) -> None:
    """Played run by run over three hundred runs, the same functions give the same events at the same instants."""
    waiting = [Entry(f"old{number}", "h", START + length) for number, length in enumerate(deadlines)]
    foretold = forecast(policy, history, waiting, START, interval=interval, count=count)
    last = START + RUNS * interval
    assert [event for event in foretold if event.instant <= last] == _played(policy, history, waiting, interval, count)


def _played(policy: Policy, history: History, waiting: list[Entry], interval: timedelta, count: int) -> list[Event]:
    """What each run does, of which none is left out."""
    assumed = _healed(history)
    outlook, events, rotations = Outlook(assumed, Ledger(tuple(waiting))), list[Event](), 0
    for number in range(RUNS + 1):
        outlook, happened = play(policy, outlook, START + number * interval, rotates=rotations < count)
        rotations += sum(event.action is not Action.RETIRE for event in happened)
        events += happened
    return events


def _healed(history: History) -> History:
    """What the forecast takes as healed; a state that is older than what was published does not heal by itself."""
    published = history.published
    newer = published if published and is_newer(published.generation, history.generation) else None
    return replace(history, unreachable="", slot=True, published=newer)


def _written(policy: Policy) -> dict[str, Any]:
    return policy.model_dump(mode="json")
