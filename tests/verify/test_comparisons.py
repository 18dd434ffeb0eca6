"""That nothing of a value shows in how it is compared: shown by counting the comparisons, not by timing."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from rotation.operator_tokens.record import Record
from rotation.testing.builders import START, HandClock
from rotation.verify import Reason, Verifier
from tests.verify.teams import CASES, Team


class Comparer:
    """Compares as production does, and notes what was compared."""

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] = []

    def __call__(self, one: bytes, other: bytes) -> bool:
        self.pairs.append((one, other))
        return hmac.compare_digest(one, other)

    def kinds(self) -> list[tuple[type, int, type, int]]:
        """Of each comparison the types and lengths of both sides: compare_digest takes as long for all of one kind."""
        return [(type(one), len(one), type(other), len(other)) for one, other in self.pairs]


def comparisons_of(presented: str) -> Comparer:
    """What is compared when a value is checked."""
    case, comparer = CASES[presented](), Comparer()
    case.shown_to(Verifier(HandClock(case.now), same=comparer))
    return comparer


@pytest.mark.parametrize("presented", CASES)
def test_every_value_costs_the_same_comparisons(presented: str) -> None:
    """Revoked, expired, unknown, truncated, previous after its grace or accepted: eight comparisons of one kind."""
    comparer = comparisons_of(presented)
    assert comparer.kinds() == [(bytes, 32, bytes, 32)] * 8
    assert len({other for _, other in comparer.pairs}) == 1, "one digest is presented"


def test_what_is_far_too_long_costs_no_more() -> None:
    """Whoever presents megabytes has the digest of nothing compared, so that nobody makes us hash them."""
    assert {presented for _, presented in comparisons_of("huge").pairs} == {sha256(b"").digest()}


def test_a_match_ends_nothing() -> None:
    """The first generation's value is compared with the others too, in the same order as any other value."""
    team, comparer = Team(), Comparer()
    values = [team.mint(START) for _ in range(5)]
    verifier = Verifier(HandClock(), same=comparer)
    verifier.put(team.namespace, team.record)
    orders = []
    for value in (*values, "unknown"):
        comparer.pairs.clear()
        verifier.check(team.namespace, value)
        orders.append([kept for kept, _ in comparer.pairs])
    assert len(orders[0]) == 8
    assert all(order == orders[0] for order in orders)
    assert orders[0][:5] == [bytes.fromhex(hashed) for hashed in team.record.entries]


@pytest.mark.parametrize(("generations", "comparisons"), [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (17, 24)])
def test_the_number_of_generations_shows_to_the_next_eight_only(generations: int, comparisons: int) -> None:
    """A record is padded with dummies to a multiple of eight, an empty one too."""
    team, comparer = Team(), Comparer()
    for _ in range(generations):
        team.mint(START)
    verifier = Verifier(HandClock(), same=comparer)
    verifier.put(team.namespace, team.record)
    verifier.check(team.namespace, "x" * 43)
    assert len(comparer.pairs) == comparisons


def test_a_namespace_without_a_record_is_compared_as_well() -> None:
    """Who asks for a namespace that is not there cannot tell it from one whose history is short."""
    comparer = Comparer()
    assert Verifier(HandClock(), same=comparer).check("team-z", "x" * 43).reason is Reason.UNKNOWN
    assert comparer.kinds() == [(bytes, 32, bytes, 32)] * 8


def test_a_dummy_lets_nobody_in() -> None:
    """Even a value whose digest were a dummy's is unknown."""
    verifier = Verifier(HandClock(), same=lambda _kept, _presented: True)
    assert verifier.check("team-z", "x" * 43).reason is Reason.UNKNOWN
    verifier.put("team-a", Record("team-a"))
    assert verifier.check("team-a", "x" * 43).reason is Reason.UNKNOWN


def test_production_compares_with_compare_digest() -> None:
    """Where no other comparer is given, it is hmac's, which does not tell by its time where two differ."""
    assert Verifier(HandClock())._same is hmac.compare_digest
