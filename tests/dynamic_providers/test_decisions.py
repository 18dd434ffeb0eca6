"""What `check` and `diff` show of a decision, by whichever way it came."""

from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from rotation.backends.protocol import Backend
from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Killed, Line
from tests.dynamic_providers.world import World

SETTLED: list[str] = []


def test_the_first_run_mints_and_the_second_changes_nothing(line: Line, world: World) -> None:
    """Everything is created once; at once after it, no step, no mint and not a word."""
    line.run()
    assert line.steps == [f"create {kind}" for kind in ("guard", "token", "pair", "retirement", "sweep")]
    assert line.reasons() == [Reason.FIRST_GENERATION]
    line.run()
    assert (line.steps, line.said, world.mints()) == (SETTLED, [], 1)


def test_a_dry_run_shows_the_replacement_and_does_nothing(line: Line, world: World) -> None:
    """Generation and reason are inputs, the reason is said, and no backend and no target is touched."""
    line.run()
    world.later(days=60)
    before = (line.copy(), world.alive(), dict(world.cluster.secrets), dict(world.cluster.entries))
    line.run(preview=True)
    assert line.steps[:3] == ["replace token", "update pair", "update retirement"]
    assert line.reasons() == [Reason.NEARING_EXPIRY]
    assert (line.copy(), world.alive(), world.cluster.secrets, world.cluster.entries) == before


def test_the_second_check_takes_the_planned_generation(line: Line, world: World) -> None:
    """A replacement is checked twice in one process: one id, one reason, said once, and that one is minted."""
    line.run()
    world.later(days=60)
    line.run()
    inputs = line.state["token admin"]["inputs"]
    assert (inputs["generation"], inputs["reason"]) == (world.alive()[-1], Reason.NEARING_EXPIRY)
    assert line.reasons() == [Reason.NEARING_EXPIRY]


def test_every_attempt_has_an_id_of_its_own(line: Line, world: World) -> None:
    """Two runs at one instant, the first of which was killed after its mint, do not name one generation."""
    line.run()
    world.later(days=60)
    line.kill_at = "replace token"
    with pytest.raises(Killed):
        line.run()
    line.run()
    assert len(world.alive()) == len(set(world.alive())) == 3


def test_the_replace_option_is_the_operators_force(line: Line, world: World) -> None:
    """`--replace` of a token that is not due: ForcedByOperator, a new generation, the old one superseded."""
    line.run()
    first = line.generation
    line.run(replace=("token",))
    assert (line.reasons(), line.outputs("token")["reason"]) == ([Reason.FORCED_BY_OPERATOR], "ForcedByOperator")
    assert [item["generation"] for item in line.outputs("pair")["superseded"]] == [first]


def test_a_refresh_that_finds_it_gone_leads_to_a_new_one(line: Line, world: World) -> None:
    """`read` says gone, and the same run's creation says MissingAtBackend."""
    line.run()
    world.connect("authentik").revoke(line.generation)
    line.refresh()
    assert "token admin" not in line.state
    line.run()
    assert (line.reasons(), world.alive()) == ([Reason.MISSING_AT_BACKEND], [line.generation])


def test_a_refresh_of_what_is_there_changes_nothing(line: Line, world: World) -> None:
    """`read` returns what it was given, and the next run has nothing to do."""
    line.run()
    line.refresh()
    line.run()
    assert (line.steps, world.mints()) == (SETTLED, 1)


def test_an_unreachable_backend_is_not_a_missing_token(line: Line, world: World) -> None:
    """A refresh and a run that get no answer keep the token."""
    line.run()
    world.faults.down = True
    line.refresh()
    assert "token admin" in line.state
    line.run()
    assert (line.steps, line.said) == (SETTLED, [])


def test_a_due_token_waits_for_its_backend(line: Line, world: World) -> None:
    """Due and unreachable: BackendUnreachable is said, nothing is started; the next run rotates."""
    line.run()
    world.later(days=60)
    world.faults.down = True
    line.run()
    assert (line.reasons(), line.steps) == ([Reason.BACKEND_UNREACHABLE], SETTLED)
    world.faults.clear()
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.NEARING_EXPIRY], 2)


def test_a_token_does_not_move_to_another_backend(line: Line, world: World) -> None:
    """Nobody could end its generations from there: refused, with the way to do it, and nothing is minted."""
    line.run()
    line.declared = [Declared(backend="elsewhere")]
    with pytest.raises(VerbError, match="InvalidSettings: change the backend of admin at elsewhere: its generations"):
        line.run()
    assert (world.mints(), world.alive()) == (1, [line.generation])


def test_a_backend_that_limits_us_is_one_that_gives_no_answer(line: Line, world: World) -> None:
    """429 to the listing, every time: what is not due is kept, and nobody takes it for gone."""
    line.run()
    world.faults.refuse(429, method="GET", times=4)
    line.run()
    assert (line.steps, line.said) == (SETTLED, [])


def test_a_dead_credential_is_said_and_changes_nothing(line: Line, world: World) -> None:
    """403 to the listing is said, with the credential as the cause; it is no token that is missing."""
    line.run()
    world.credential = "a-credential-that-nobody-knows"
    line.run()
    assert (line.steps, line.reasons(), world.mints()) == (SETTLED, [Reason.BACKEND_REFUSES], 1)
    assert "HTTP 403 (Token invalid/expired). Check that the credential in use is alive" in line.said[0]


def test_a_dead_credential_holds_what_is_due_and_no_other_backend(world: World) -> None:
    """A due token waits, with the cause; that of another backend, judged after it, is rotated in the same run."""
    other = World()
    both = [Declared(), Declared(name="other", backend="elsewhere", places=("apps/other",))]
    line = Line(_Two(world, other), *both)
    line.run()
    for each in (world, other):
        each.later(days=60)
    world.credential = "a-credential-that-nobody-knows"
    line.run()
    assert set(line.reasons()) == {Reason.BACKEND_REFUSES, Reason.BACKEND_UNREACHABLE, Reason.NEARING_EXPIRY}
    assert (world.mints(), other.mints()) == (1, 2)


class _Two:
    """Two servers and one cluster."""

    def __init__(self, one: World, two: World) -> None:
        self._one, self._two = one, two
        self.cluster, self.clock = one.cluster, one.clock

    def connect(self, name: str) -> Backend:
        return self._two.connect(name) if name == "elsewhere" else self._one.connect(name)


def test_a_probe_without_an_answer_is_no_refusal(line: Line, world: World) -> None:
    """With `probe: always` a server error at the probe keeps the token, and the next run asks again."""
    line.declared[0].probe = "always"
    line.run()
    world.faults.refuse(500, path="/api/v3/core/users/me/", times=4)
    line.run()
    assert (line.steps, world.mints()) == (SETTLED, 1)


def test_a_deferred_run_uses_no_nonce_up(line: Line, world: World) -> None:
    """A nonce set while the state is older is neither obeyed nor forgotten: with the newer state it rotates."""
    line.run()
    old = line.copy()
    world.later(days=60)
    line.run()
    newer, line.state = line.copy(), old
    line.declared[0].force = "now"
    line.run()
    assert (line.reasons(), line.state["token admin"]["inputs"]["force"]) == ([Reason.STATE_IS_OLDER], "")
    line.state = newer
    line.run()
    assert line.reasons() == [Reason.FORCED_BY_OPERATOR]


def test_a_changed_spec_rotates(line: Line, world: World) -> None:
    """What the token is has changed: SpecChanged, with an overlap."""
    world.server.add_user("robot")
    line.run()
    line.declared[0].spec = {"user": "robot"}
    line.run()
    assert (line.reasons(), len(world.alive())) == ([Reason.SPEC_CHANGED], 2)


def test_a_changed_policy_mints_nothing(line: Line, world: World) -> None:
    """A longer overlap is taken over in place."""
    line.run()
    line.declared[0].policy = {**line.declared[0].policy, "overlap": "31d"}
    line.run()
    assert (line.steps, world.mints()) == (["update token", "update pair", "update retirement"], 1)


def test_a_probe_of_each_run_finds_a_refused_value(line: Line, world: World) -> None:
    """With `probe: always` a value that the backend refuses is replaced: RejectedByBackend."""
    line.declared[0].probe = "always"
    line.run()
    line.run()
    assert line.steps == SETTLED
    world.call_set_key(line.generation, "rekeyed-behind-our-back-000000000000000000000000000000000000")
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.REJECTED_BY_BACKEND], 2)
    assert world.server.accepts(line.outputs("token")["value"])


def test_without_a_probe_no_value_is_used(line: Line, world: World) -> None:
    """A run with nothing due asks who nobody is: the only call is the listing."""
    line.run()
    world.server.calls.clear()
    line.run()
    assert dict(world.server.calls) == {("GET", "/core/tokens/"): 1}


def test_a_lost_answer_to_the_mint_is_found_again(line: Line, world: World) -> None:
    """The row that was made is taken, and no second one is made."""
    world.faults.lose_answer(method="POST")
    line.run()
    assert (world.alive(), world.mints()) == ([line.generation], 1)


def test_a_mint_that_cannot_be_proved_leaves_nothing(line: Line, world: World) -> None:
    """A probe that fails revokes what was minted; nothing is stored and nothing published."""
    world.refuse_new_values = True
    with pytest.raises(VerbError, match="ProbeFailed"):
        line.run()
    assert (world.alive(), "token admin" in line.state, world.cluster.secrets) == ([], False, {})
