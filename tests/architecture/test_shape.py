"""Small parts with plain names, each test with a promise."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import Source, sources

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base", "core", "manager", "managers"}
SYNONYMS = re.compile(
    r"\b(rotat\w*_?keys?|old_token|new_token|invalidate\w*|deactivate\w*|grace_?period)\b", re.IGNORECASE
)
every_file = pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)


@every_file
def test_a_module_is_under_300_lines(source: Source) -> None:
    """A module fits in a head."""
    assert len(source.text.splitlines()) < 300


@every_file
def test_a_function_is_at_most_70_lines(source: Source) -> None:
    """A function fits on a screen."""
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in source.functions()}
    assert not {name: length for name, length in lengths.items() if length > 70}


@every_file
def test_a_module_says_by_its_name_what_it_holds(source: Source) -> None:
    """No drawer for everything."""
    parts = {part.removesuffix(".py") for part in source.name.split("/")}
    assert not parts & VAGUE


@every_file
def test_a_module_of_ours_says_what_belongs_in_it(source: Source) -> None:
    """Everything but tests and empty packages begins with a docstring."""
    if source.text.strip() and not source.name.startswith("tests/"):
        assert ast.get_docstring(source.tree)


@every_file
def test_a_test_states_its_promise(source: Source) -> None:
    """Every test function under tests/ has a docstring, whose first line is a whole one."""
    if not source.name.startswith("tests/"):
        return
    tests = [node for node in source.functions() if node.name.startswith("test_")]
    silent = [node.name for node in tests if not (ast.get_docstring(node) or "").split("\n")[0].strip()]
    assert not silent


@pytest.mark.parametrize(
    "source", sources("rotation", "components", "dynamic_providers", "operations"), ids=lambda source: source.name
)
def test_a_thing_has_one_word(source: Source) -> None:
    """Names in production use the glossary's words, not another word for the same thing."""
    names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in ast.walk(source.tree) if isinstance(node, ast.arg)}
    names |= {node.name for node in source.functions()}
    assert not {name for name in names if SYNONYMS.search(name)}


def test_policy_fits_on_a_screen() -> None:
    """The chain that decides is read in one look."""
    (policy,) = (source for source in sources("rotation") if source.name == "rotation/policy.py")
    assert len(policy.text.splitlines()) <= 100
