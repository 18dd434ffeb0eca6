"""What hypothesis draws: policies that hold, histories of every kind, ledgers, instants to the second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from rotation.checks import History, Published
from rotation.errors import InvalidSettings
from rotation.ledger import Entry, Ledger, Superseded
from rotation.margins import refuse_impossible
from rotation.model import WEEK, Blackout, Policy, Window
from rotation.testing.builders import START, a_generation
from rotation.windows import longest_closed

HOUR = timedelta(hours=1)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # the clock shifts at midnight: that midnight is not there, or comes twice
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",  # never, and the offset is no whole hour
)


def lengths(
    shortest: timedelta = timedelta(seconds=1), longest: timedelta = timedelta(days=400)
) -> st.SearchStrategy[timedelta]:
    """Whole seconds."""
    return st.integers(int(shortest.total_seconds()), int(longest.total_seconds())).map(lambda s: timedelta(seconds=s))


def instants(years: int = 2) -> st.SearchStrategy[datetime]:
    """Whole seconds in UTC, from some days before START on."""
    return lengths(timedelta(days=-10), timedelta(days=366 * years)).map(lambda length: START + length)


@st.composite
def any_policies(draw: st.DrawFn) -> Policy:
    """Every policy that can be written, most of which cannot hold."""
    before, every = draw(st.one_of(st.none(), lengths())), draw(st.one_of(st.none(), lengths()))
    return Policy(
        lifetime=draw(lengths()),
        rotate_before=before if before or every else draw(lengths()),
        rotate_every=every,
        renew_before=draw(st.one_of(st.none(), lengths())),
        overlap=draw(lengths()),
        tolerated_outage=draw(lengths()),
        jitter=draw(st.one_of(st.none(), lengths())),
        **draw(st.one_of(st.just({}), calendars())),
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows of a minute to a day, on some days of the week; many cross midnight."""
    opens = draw(st.integers(0, 1439))
    closes = draw(st.integers(0, 1440).filter(lambda minute: minute != opens))
    days = draw(st.lists(st.sampled_from(WEEK), min_size=1, unique=True))
    return Window.model_validate({"days": days, "from": timedelta(minutes=opens), "to": timedelta(minutes=closes)})


@st.composite
def blackouts(draw: st.DrawFn) -> Blackout:
    """Some weeks in the first two years, or one day."""
    first = START.date() + timedelta(days=draw(st.integers(-3, 700)))
    return Blackout.model_validate({"from": first, "to": first + timedelta(days=draw(st.integers(0, 20)))})


def calendars() -> st.SearchStrategy[dict[str, Any]]:
    """The parts of a policy that say when a rotation may begin, in zones whose clocks shift in every way."""
    return st.fixed_dictionaries(
        {
            "windows": st.lists(windows(), max_size=3).map(tuple),
            "blackouts": st.lists(blackouts(), max_size=2).map(tuple),
            "time_zone": st.sampled_from(ZONES),
        }
    )


@st.composite
def policies(draw: st.DrawFn, renews: bool | None = None, waits: bool = False) -> Policy:
    """Policies that hold at a run each hour, built so that none need be thrown away.

    waits: some have windows and blackouts, for which a due rotation waits
    """
    overlap, outage = draw(lengths(longest=30 * 24 * HOUR)), draw(lengths(2 * HOUR, 72 * HOUR))
    late = overlap + outage
    jitter = draw(st.one_of(st.none(), lengths(longest=100 * HOUR)))
    apart = overlap + HOUR + (jitter or timedelta(0))
    spare = lengths(timedelta(0), timedelta(days=60))
    calendar = draw(calendars()) if waits else {}
    closed = longest_closed(Policy(lifetime=HOUR, rotate_every=HOUR, overlap=HOUR, **calendar))
    before = draw(st.one_of(st.none(), spare.map(lambda length: late + closed + length)))
    ages = lengths(timedelta(0), timedelta(days=400)).map(lambda length: apart + length)
    every = draw(ages) if before is None else draw(st.one_of(st.none(), ages))
    renewing = draw(st.booleans()) if renews is None else renews
    renew = late + draw(spare) if renewing else None
    parts = [(every or timedelta(0)) + late + closed, (before or timedelta(0)) + apart, renew or timedelta(0)]
    policy = Policy(
        lifetime=max(parts) + timedelta(seconds=1) + draw(spare),
        rotate_before=before,
        rotate_every=every,
        renew_before=renew,
        overlap=overlap,
        tolerated_outage=outage,
        jitter=jitter,
        **calendar,
    )
    assert is_possible(policy), "the strategy draws only policies that hold"
    return policy


def is_possible(policy: Policy, interval: timedelta = HOUR) -> bool:
    """Whether `refuse_impossible` lets a policy through."""
    try:
        refuse_impossible("admin", policy, interval)
    except InvalidSettings:
        return False
    return True


@st.composite
def histories(draw: st.DrawFn, quiet: bool = False) -> History:
    """Histories of a generation minted at START; a quiet one holds no reason of its own to rotate or to defer."""
    generation = a_generation(START)
    ends = st.one_of(st.none(), lengths().map(lambda length: START + length))
    other = a_generation(START + draw(lengths(timedelta(days=-90), timedelta(days=90))))
    published = draw(st.one_of(st.none(), st.builds(Published, st.sampled_from([generation, other]), ends)))
    expires = draw(ends)
    flags = st.just(False) if quiet else st.booleans()
    return History(
        generation=generation,
        created=START,
        expires=expires,
        published=Published(generation, expires) if quiet else published,
        newest_seen="" if quiet else draw(st.sampled_from(["", generation, other])),
        superseded=draw(st.integers(0, 15 if quiet else 20)),
        missing=draw(flags),
        rejected=draw(flags),
        unreachable="" if quiet else draw(st.sampled_from(["", "no answer"])),
        spec_changed=draw(flags),
        forced=draw(flags),
        emergency=draw(flags),
        renewable=draw(st.booleans()),
        cap=draw(ends),
        renewed_end=draw(st.sampled_from([None, expires])),
        paused=draw(flags),
        slot=quiet or draw(st.booleans()),
        rollback=draw(flags),
        fallback="" if quiet else draw(st.sampled_from(["", other])),
        rolled_back=draw(flags),
        dependency="" if quiet else draw(st.sampled_from(["", "", "nothing is ready"])),
        unrotated="" if quiet else draw(st.sampled_from(["", "", "authentik/admin"])),
        unrenewed="" if quiet else draw(st.sampled_from(["", "", "authentik/admin"])),
        adoptable="" if quiet else draw(st.sampled_from(["", "", "", "authentik/admin"])),
    )


@dataclass(frozen=True)
class AroundRenewal:
    """A policy, a history that nothing but a renewal can be due of, and an instant near that renewal."""

    policy: Policy
    history: History
    renewal: datetime
    now: datetime


@st.composite
def around_renewals(draw: st.DrawFn) -> AroundRenewal:
    """Instants around a renewal, at backends with and without a cap, and before the end calls for a rotation."""
    length, life = draw(lengths(HOUR)), draw(lengths(HOUR))
    offset = draw(lengths(timedelta(-5), min(timedelta(5), length - timedelta(seconds=3))))
    second = timedelta(seconds=1)
    policy = Policy(
        lifetime=life, rotate_every=timedelta(10_000), renew_before=length, overlap=second, tolerated_outage=second
    )
    generation, expires = a_generation(START), START + life
    history = History(
        generation=generation,
        created=START,
        expires=expires,
        renewable=draw(st.booleans()),
        cap=draw(st.sampled_from([None, expires, expires + HOUR, expires - HOUR])),
        renewed_end=draw(st.sampled_from([None, expires, expires - HOUR])),
    )
    return AroundRenewal(policy, history, expires - length, expires - length + offset)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Ledger entries, some of them known dead."""
    name = draw(st.sampled_from("abcdefgh"))
    retired = draw(st.one_of(st.none(), instants()))
    return Entry(name, f"handle-{name}", draw(instants()), retired, draw(st.sampled_from(["", "refused"])), 0)


def ledgers() -> st.SearchStrategy[Ledger]:
    """Ledgers without two entries of one name."""
    return st.lists(entries(), unique_by=lambda entry: entry.generation).map(lambda drawn: Ledger(tuple(drawn)))


def superseded() -> st.SearchStrategy[list[Superseded]]:
    """What a pair hands to its ledger: each generation once."""
    names = st.lists(st.sampled_from("abcdefghij"), unique=True)
    return names.map(lambda drawn: [Superseded(name, f"handle-{name}") for name in drawn])
