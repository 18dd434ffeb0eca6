"""What hypothesis draws: policies that hold, histories of every kind, ledgers, instants to the second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

from rotation.checks import History, Published
from rotation.errors import InvalidSettings
from rotation.ledger import Entry, Ledger, Superseded
from rotation.model import Policy
from rotation.policy import refuse_impossible
from rotation.testing.builders import START, a_generation

HOUR = timedelta(hours=1)


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
    )


@st.composite
def policies(draw: st.DrawFn, renews: bool | None = None) -> Policy:
    """Policies that hold at a run each hour, built so that none need be thrown away."""
    overlap, outage = draw(lengths(longest=30 * 24 * HOUR)), draw(lengths(2 * HOUR, 72 * HOUR))
    late = overlap + outage
    spare = lengths(timedelta(0), timedelta(days=60))
    before = draw(st.one_of(st.none(), spare.map(lambda length: late + length)))
    every = draw(lengths()) if before is None else draw(st.one_of(st.none(), lengths()))
    renewing = draw(st.booleans()) if renews is None else renews
    renew = late + draw(spare) if renewing else None
    parts = [(every or timedelta(0)) + late, before or timedelta(0), renew or timedelta(0)]
    policy = Policy(
        lifetime=max(parts) + timedelta(seconds=1) + draw(spare),
        rotate_before=before,
        rotate_every=every,
        renew_before=renew,
        overlap=overlap,
        tolerated_outage=outage,
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
    """Instants some days before and after a renewal falls due, at backends with and without a cap."""
    length, life, offset = draw(lengths(HOUR)), draw(lengths(HOUR)), draw(lengths(timedelta(-5), timedelta(5)))
    policy = Policy(lifetime=life, rotate_every=timedelta(10_000), renew_before=length, overlap=HOUR)
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
