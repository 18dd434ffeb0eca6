"""The pins are whole, what is installed is what is pinned, and the pulumi packages work together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import pulumi
import pulumi_authentik
import pulumi_kubernetes
import pulumi_onepassword
import pulumi_random
import pulumi_vault
import pytest
from pulumi.runtime import mocks

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


class Mocks(mocks.Mocks):
    """Answers every registration with its own inputs, and keeps the types."""

    def __init__(self) -> None:
        self.registered: list[str] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, Mapping[Any, Any]]:
        self.registered.append(args.typ)
        return f"{args.name}-id", dict(args.inputs)

    def call(self, _args: mocks.MockCallArgs) -> tuple[Mapping[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


def declare_one_of_each() -> None:
    """One resource of each package that the user works with."""
    pulumi_kubernetes.core.v1.ConfigMap("one", data={"a": "b"})
    pulumi_vault.Policy("one", name="one", policy="")
    pulumi_authentik.Group("one", name="one")
    pulumi_onepassword.Item("one", vault="one", title="one", category="login")
    pulumi_random.RandomPassword("one", length=20)


def test_one_resource_of_each_package_registers() -> None:
    """With the pinned SDK every package of the user's still registers a resource; a bump that breaks one fails here."""
    kept = Mocks()
    mocks.set_mocks(kept)

    @pulumi.runtime.test
    def registering() -> None:
        declare_one_of_each()

    registering()
    assert sorted(typ.split(":")[0] for typ in kept.registered if typ != "pulumi:pulumi:Stack") == [
        *("authentik", "kubernetes", "onepassword", "random", "vault")
    ]
