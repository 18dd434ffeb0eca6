"""The pins are whole, what is installed is what is pinned, and the pulumi packages work together."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import pytest

from tests.architecture.sources import ROOT, sources

PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)")
FILES = ("requirements.txt", "requirements-dev.txt")


def lines_of(name: str) -> list[str]:
    """What a requirements file asks for, without comments and other files."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("-r ")]


PINNED = {match[1]: match[2] for name in FILES for line in lines_of(name) if (match := PIN.fullmatch(line))}


@pytest.mark.parametrize("name", FILES)
def test_everything_is_pinned(name: str) -> None:
    """Each line is one package at one version."""
    assert [line for line in lines_of(name) if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("package", PINNED)
def test_what_is_installed_is_what_is_pinned(package: str) -> None:
    """The tests speak of the pinned versions and of no others."""
    assert metadata.version(package) == PINNED[package]


def test_what_production_imports_is_pinned_for_production() -> None:
    """A third-party package that production imports stands in requirements.txt itself."""
    production = [
        s for s in sources() if s.name.split("/")[0] in ("components", "dynamic_providers", "operations", "rotation")
    ]
    imported = {
        name.split(".")[0]
        for source in production
        if not source.name.startswith("rotation/testing/")
        for name in source.imported()
    }
    packages = metadata.packages_distributions()
    distributions = {packages[name][0].lower().replace("_", "-") for name in imported if name in packages}
    ours = {match[1].lower() for line in lines_of("requirements.txt") if (match := PIN.fullmatch(line))}
    assert distributions <= ours


def test_one_resource_of_each_package_registers() -> None:
    """With the pinned SDK every package of the user's still registers a resource; a bump that breaks one fails here."""
    command = [sys.executable, "-m", "tests.architecture.one_of_each"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [typ.split(":")[0] for typ in sorted(ended.stdout.split())] == [
        *("authentik", "kubernetes", "onepassword", "random", "vault")
    ]
