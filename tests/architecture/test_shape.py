"""Small parts with plain names, each test with a promise."""

from __future__ import annotations

import ast
import re

from tests.architecture.sources import PRODUCTION, Source, sources

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base", "core", "manager", "managers"}
SYNONYMS = re.compile(
    r"\b(rotat\w*_?keys?|old_token|new_token|invalidate\w*|deactivate\w*|grace_?period)\b", re.IGNORECASE
)


def test_a_module_is_under_300_lines() -> None:
    """A module fits in a head."""
    lengths = {source.name: len(source.text.splitlines()) for source in sources()}
    assert {name: length for name, length in lengths.items() if length >= 300} == {}


def test_a_function_is_at_most_70_lines() -> None:
    """A function fits on a screen."""
    lengths = {f"{source.name}: {node.name}": _length(node) for source in sources() for node in source.functions()}
    assert {name: length for name, length in lengths.items() if length > 70} == {}


def test_a_module_says_by_its_name_what_it_holds() -> None:
    """No drawer for everything, neither a module nor a folder."""
    parts = {source.name: set(source.name.removesuffix(".py").split("/")) for source in sources()}
    assert {name: names & VAGUE for name, names in parts.items() if names & VAGUE} == {}


def test_a_module_says_what_belongs_in_it() -> None:
    """Everything but tests and empty packages begins with a docstring."""
    ours = [source for source in sources() if source.text.strip() and not source.name.startswith("tests/")]
    assert [source.name for source in ours if not ast.get_docstring(source.tree)] == []


def test_a_test_states_its_promise() -> None:
    """Every test function under tests/ has a docstring that begins with its promise."""
    tests = [(s.name, node) for s in sources("tests") for node in s.functions() if node.name.startswith("test_")]
    assert len(tests) > 100, "the walk finds the tests"
    assert [f"{name}: {node.name}" for name, node in tests if not _first_line(node)] == []


def test_a_thing_has_one_word() -> None:
    """Names in production use the glossary's words, not another word for the same thing."""
    strange = {
        source.name: [name for name in _names(source) if SYNONYMS.search(name)] for source in sources(*PRODUCTION)
    }
    assert {name: words for name, words in strange.items() if words} == {}


def test_policy_fits_on_a_screen() -> None:
    """The chain that decides is read in one look."""
    (policy,) = (source for source in sources("rotation") if source.name == "rotation/policy.py")
    assert len(policy.text.splitlines()) <= 100


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return (ast.get_docstring(node) or "").split("\n")[0].strip()


def _names(source: Source) -> set[str]:
    """Every name that the code gives or uses."""
    names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in ast.walk(source.tree) if isinstance(node, ast.arg)}
    return names | {node.name for node in source.functions()}
