"""A token that exists is taken over as it is: at first, and when somebody put a working one into a target by hand."""

from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from rotation.model import fingerprint, token_of
from rotation.reasons import Reason
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

PLACE = "apps/admin"
BY_HAND = "made-by-hand"


@pytest.fixture
def line(world: World) -> Line:
    """A token of the user `robot` whose place is marked; nothing has run."""
    world.server.add_user("robot", attributes={TOKEN_EXPIRES: False})
    return Line(world, Declared(spec={"user": "robot"}, adopt=(PLACE,)))


def _existing(world: World, username: str = "robot", identifier: str = BY_HAND) -> str:
    """A token that a person made and put into the place."""
    value = world.server.issue(username, identifier, expiring=False)
    world.cluster.put_by_hand(PLACE, value)
    return value


def _alive(world: World) -> set[str]:
    return {token.identifier for token in world.server.live_tokens()} - {"authentik-bootstrap-token"}


def test_an_existing_token_is_adopted_and_not_made_anew(line: Line, world: World) -> None:
    """The first run mints nothing: the value stays where it is, and is told as a generation of ours."""
    value = _existing(world)
    line.run()
    assert (line.reasons(), world.mints(), _alive(world)) == ([Reason.ADOPTED], 0, {BY_HAND})
    assert world.cluster.secrets[PLACE]["token"] == value
    receipt = world.cluster.receipt("admin")
    assert (receipt.fingerprint, receipt.reason) == (fingerprint(value), "Adopted")
    assert token_of(receipt.generation) == "admin"
    line.run()
    assert (line.steps, line.said) == ([], [])


def test_a_dry_run_adopts_nothing(line: Line, world: World) -> None:
    """It says what it would take over, and stores nothing."""
    _existing(world)
    line.run(preview=True)
    assert (line.reasons(), line.state, world.cluster.entries) == ([Reason.ADOPTED], {}, {})


def test_an_adopted_token_rotates_and_ends_as_any_other(line: Line, world: World) -> None:
    """When it is due another is minted, it is superseded, and revoked after its overlap by the name that it has."""
    value = _existing(world)
    line.run()
    world.later(days=60)
    line.run()
    assert (line.reasons(), _alive(world)) == ([Reason.NEARING_EXPIRY], {BY_HAND, line.generation})
    assert world.cluster.secrets[PLACE]["token-previous"] == value
    world.later(days=30)
    line.run()
    assert _alive(world) == {line.generation}


def test_an_adopted_token_that_is_gone_is_replaced(line: Line, world: World) -> None:
    """It is looked up by its own name in each run: one that was deleted is MissingAtBackend."""
    _existing(world)
    line.run()
    world.connect("authentik").revoke(BY_HAND)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.MISSING_AT_BACKEND], 1)


def test_a_destroy_ends_an_adopted_token(line: Line, world: World) -> None:
    """Nothing of ours lives on, and what was adopted is ours."""
    _existing(world)
    line.run()
    line.destroy()
    assert _alive(world) == set()


def test_a_token_of_somebody_else_is_refused(line: Line, world: World) -> None:
    """It works and belongs to another user: the run says so before anything is minted or overwritten."""
    world.server.add_user("stranger")
    value = _existing(world, "stranger")
    with pytest.raises(
        VerbError, match="InvalidSettings: adopt admin at authentik: the value at apps/admin: it belongs"
    ):
        line.run()
    assert (world.mints(), world.cluster.secrets[PLACE]["token"]) == (0, value)


def test_a_value_that_does_not_work_is_replaced(line: Line, world: World) -> None:
    """A placeholder in a marked place is no token: one is minted and published there."""
    world.cluster.put_by_hand(PLACE, "a-placeholder-that-nobody-accepts")
    line.run()
    assert world.mints() == 1
    assert world.server.accepts(world.cluster.secrets[PLACE]["token"])


def test_a_backend_that_is_away_leads_to_no_mint(line: Line, world: World) -> None:
    """Whether the value works cannot be asked: nothing is minted over it."""
    value = _existing(world)
    world.faults.down = True
    with pytest.raises(VerbError, match="Unavailable"):
        line.run()
    assert (world.mints(), world.cluster.secrets[PLACE]["token"]) == (0, value)


def test_a_place_that_is_not_marked_is_refused(line: Line, world: World) -> None:
    """A Secret that exists and is not ours is neither overwritten nor waited for; the message says what to do."""
    value = _existing(world)
    line.declared[0].adopt = ()
    with pytest.raises(VerbError, match=r"the Secret apps/admin exists and is not ours.*adopt: true"):
        line.run()
    assert (world.mints(), world.cluster.secrets[PLACE]["token"]) == (0, value)


def test_a_token_with_a_manager_is_refused(line: Line, world: World) -> None:
    """Somebody else manages its lifecycle: refused, unless the take-over is asked for."""
    _existing(world)
    world.cluster.managers[PLACE] = "kyverno"
    with pytest.raises(VerbError, match=r"managed by kyverno.*takeOver: true"):
        line.run()
    line.declared[0].take_over = (PLACE,)
    line.run()
    assert line.reasons() == [Reason.ADOPTED]


def test_a_second_writer_seen_later_is_an_alert_condition(line: Line, world: World) -> None:
    """It is said in each run, stands in the receipt, and goes when the other one goes."""
    line.run()
    world.cluster.managers[PLACE] = "kyverno"
    for _ in range(2):
        line.run()
        assert line.reasons() == [Reason.SECOND_WRITER]
        assert world.cluster.receipt("admin").conditions == ("SecondWriter",)
    world.cluster.managers.clear()
    line.run()
    assert world.cluster.receipt("admin").conditions == ()


def test_a_value_put_into_a_marked_place_is_adopted(line: Line, world: World) -> None:
    """A person replaces a working token by another of the same owner: theirs is taken, ours is superseded."""
    line.run()
    ours = line.generation
    theirs = _existing(world)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.ADOPTED], 1)
    assert world.cluster.secrets[PLACE]["token"] == theirs
    assert [item["generation"] for item in line.outputs("pair")["superseded"]] == [ours]
    world.later(days=30)
    line.run()
    assert _alive(world) == {BY_HAND}


def test_a_recovery_by_hand_is_kept(line: Line, world: World) -> None:
    """The recorded token is dead and somebody put a working one into an unmarked place: adopted, not overwritten."""
    line.declared[0].adopt = ()
    line.run()
    world.connect("authentik").revoke(line.generation)
    theirs = _existing(world)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.ADOPTED], 1)
    assert world.cluster.secrets[PLACE]["token"] == theirs


def test_a_recovery_by_hand_for_a_refused_value_is_kept(line: Line, world: World) -> None:
    """The recorded token exists but is refused (probe: always): the working one is adopted."""
    line.declared[0].adopt, line.declared[0].probe = (), "always"
    line.run()
    world.call_set_key(line.generation, "rekeyed-behind-our-back-000000000000000000000000000000000000")
    theirs = _existing(world)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.ADOPTED], 1)
    assert world.cluster.secrets[PLACE]["token"] == theirs


def test_anything_else_is_drift_and_is_repaired(line: Line, world: World) -> None:
    """An unmarked place, and the recorded token works: what was published is written there again, and it is said."""
    line.declared[0].adopt = ()
    line.run()
    published = world.cluster.secrets[PLACE]["token"]
    _existing(world)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.DRIFT_FOUND], 1)
    assert world.cluster.secrets[PLACE]["token"] == published
    line.run()
    assert (line.steps, line.said) == ([], [])


def test_a_value_of_a_stranger_in_a_marked_place_is_repaired(line: Line, world: World) -> None:
    """It works but is not the same owner's: it is not adopted, and what was published comes back."""
    world.server.add_user("stranger")
    line.run()
    published = world.cluster.secrets[PLACE]["token"]
    _existing(world, "stranger")
    line.run()
    assert set(line.reasons()) == {Reason.DRIFT_FOUND}
    assert (world.cluster.secrets[PLACE]["token"], world.mints()) == (published, 1)


def test_a_dry_run_shows_a_repair(line: Line, world: World) -> None:
    """The pair is shown as an update, and the value stays as it is found."""
    line.declared[0].adopt = ()
    line.run()
    theirs = _existing(world)
    line.run(preview=True)
    assert line.steps[:1] == ["update pair"]
    assert (line.reasons(), world.cluster.secrets[PLACE]["token"]) == ([Reason.DRIFT_FOUND], theirs)


def test_no_value_is_told(line: Line, world: World) -> None:
    """What was found by hand stands in no line, no receipt, and nowhere in the state but as the value."""
    value = _existing(world)
    line.run()
    told = [*line.said, *world.cluster.entries.values()]
    state = {
        key: {name: text for name, text in item.get("outputs", {}).items() if name not in ("value", "previous")}
        for key, item in line.state.items()
    }
    assert not [text for text in (*told, str(state)) if value in text]
