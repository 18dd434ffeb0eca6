"""What facts come to as samples of metrics, by name and labels."""

from __future__ import annotations

from datetime import datetime

from operations.exporting.facts import Facts
from operations.exporting.families import families
from tests.operations.facts import NOW

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(facts: Facts, now: datetime = NOW) -> Samples:
    """Every sample that these facts make at an instant, by name and labels."""
    found = [sample for family in families(facts, now) for sample in family.samples]
    told = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}
    assert len(told) == len(found), "no series is told twice"
    return told


def value(told: Samples, name: str, **labels: str) -> float | None:
    return told.get((name, frozenset(labels.items())))


def names(told: Samples) -> set[str]:
    return {name for name, _ in told}
