"""The stand-in random plugin under the real CLI."""

import re
from pathlib import Path

import pytest

from tests.sandbox.declared_stack import Stack

pytestmark = pytest.mark.deep  # other tests use the stand-in for what it is for


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack.of("declared", tmp_path / "program", {}, package="random", provider={})


def test_a_value_stays_until_an_input_changes(stack: Stack) -> None:
    """An integer is drawn once between its bounds; a second run changes nothing, a new keeper replaces it."""
    stack.declare("RandomInteger", "minute", min=0, max=10**9, keepers={"job": "a"})
    stack.wish["outputs"] = [["minute", "result"]]
    stack.succeed("preview")
    stack.up()
    first = stack.outputs()["minute.result"]
    stack.up("--expect-no-changes")
    stack.refresh()
    stack.up("--expect-no-changes")

    stack.declare("RandomInteger", "minute", min=0, max=10**9, keepers={"job": "b"})
    assert "+-random:index/randomInteger:RandomInteger: (replace)" in stack.succeed("preview", "--diff")
    stack.up()
    second = stack.outputs()["minute.result"]
    assert 0 <= first <= 10**9
    assert second != first


def test_a_seed_repeats(stack: Stack) -> None:
    """Two integers of one seed are the same."""
    for name in ("one", "two"):
        stack.declare("RandomInteger", name, min=0, max=10**9, seed="same")
    stack.wish["outputs"] = [["one", "result"], ["two", "result"]]
    stack.up()
    assert len(set(stack.outputs().values())) == 1


def test_passwords_and_bytes_are_secret(stack: Stack) -> None:
    """Results are as long and of the classes that were wished, and stand in no output, print or state in clear."""
    stack.declare("RandomPassword", "password", length=24, special=False, min_numeric=4, upper=False)
    stack.declare("RandomBytes", "bytes", length=32)
    stack.declare("RandomId", "id", byte_length=8, prefix="x-")
    stack.wish["outputs"] = [["password", "result"], ["bytes", "hex"], ["id", "hex"]]
    stack.up()
    clear = stack.outputs("--show-secrets")
    stack.printed.pop()
    assert re.fullmatch(r"[a-z0-9]{24}", clear["password.result"])
    assert len(re.findall(r"[0-9]", clear["password.result"])) >= 4
    assert re.fullmatch(r"[0-9a-f]{64}", clear["bytes.hex"])
    assert re.fullmatch(r"x-[0-9a-f]{16}", clear["id.hex"])

    hidden = stack.outputs()
    assert hidden["password.result"] == hidden["bytes.hex"] == "[secret]"
    assert hidden["id.hex"] == clear["id.hex"]
    kept = "".join(stack.printed) + stack.succeed("stack", "export")
    assert clear["password.result"] not in kept
    assert clear["bytes.hex"] not in kept


def test_what_the_sdk_or_the_stand_in_does_not_have_is_refused(stack: Stack) -> None:
    """A type without a stand-in is an error that names it, and so is a length that cannot hold what it must."""
    stack.declare("RandomPet", "pet")
    refused = stack.fail("up", "--yes", "--skip-preview")
    stack.wish["resources"] = []
    stack.declare("RandomPassword", "short", length=2, min_lower=2, min_upper=2)
    refused += stack.fail("up", "--yes", "--skip-preview")
    assert "random:index/randomPet:RandomPet: the stand-in random plugin does not know this type" in refused
    assert "RandomPassword: no class of characters is left, or the least of each exceed its length" in refused
