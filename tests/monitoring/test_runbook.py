"""Each alert leads to a section that says what it means, what to look at, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.alerts.stack import alerts, named

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = {
    heading.lower(): body
    for heading, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.DOTALL | re.MULTILINE)
}
RULES = {named(rule): rule for rule in alerts()}
COMMANDS = {"run", "retire", "validate", "settings", "accept", "operator"}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_whole(name: str) -> None:
    """It has a severity, a summary, a description that ends like a sentence, and a link to a section that exists."""
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    page, _, section = rule["annotations"]["runbook_url"].partition("#")
    assert page == "https://docs.example.com/runbook.md"
    assert section in SECTIONS


def test_each_section_is_of_an_alert() -> None:
    """What no alert leads to is not here."""
    assert set(SECTIONS) == {rule["annotations"]["runbook_url"].partition("#")[2] for rule in RULES.values()}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_says_meaning_check_and_act(section: str) -> None:
    """In this order, and each is there once."""
    assert re.findall(r"^\*\*(\w+)\.\*\*", SECTIONS[section], re.MULTILINE) == ["Meaning", "Check", "Act"]


def test_an_alert_that_a_section_serves_beside_its_own_is_named_there() -> None:
    """Somebody who looks for the name of the alert finds it."""
    unnamed = [rule["alert"] for rule in RULES.values() if rule["alert"] not in RUNBOOK]
    assert unnamed == []


def test_the_runbook_names_commands_that_there_are() -> None:
    """`tokens …` is followed by one of its commands, wherever it is told to be run."""
    told = set(re.findall(r"`tokens (\w+)", RUNBOOK))
    assert told == COMMANDS
