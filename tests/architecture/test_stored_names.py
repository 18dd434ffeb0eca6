"""What stands in stored states: the names of modules and classes under dynamic_providers, as short references."""

from __future__ import annotations

import base64
import importlib
import inspect
from pathlib import Path

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from dynamic_providers.verbs import Provider
from tests.architecture.sources import ROOT

PUBLIC = {
    "dynamic_providers.coder_template": (
        "CoderTemplateProvider",
        "pulumi-python:dynamic/token-rotation:CoderTemplate",
    ),
    "dynamic_providers.guard": ("GuardProvider", "pulumi-python:dynamic/token-rotation:Guard"),
    "dynamic_providers.operator_keeper": (
        "OperatorKeeperProvider",
        "pulumi-python:dynamic/token-rotation:OperatorKeeper",
    ),
    "dynamic_providers.retirement": ("RetirementProvider", "pulumi-python:dynamic/token-rotation:Retirement"),
    "dynamic_providers.sweep": ("SweepProvider", "pulumi-python:dynamic/token-rotation:Sweep"),
    "dynamic_providers.token": ("TokenProvider", "pulumi-python:dynamic/token-rotation:Token"),
    "dynamic_providers.token_pair": ("TokenPairProvider", "pulumi-python:dynamic/token-rotation:TokenPair"),
}
"""A public format: states in the field name these. A rename is a breaking change, with a migration."""

LONGEST = 300  # bytes; a class stored by value takes thousands


def provider_of(module: str) -> Provider:
    """A fresh provider of the module."""
    made: Provider = getattr(importlib.import_module(module), PUBLIC[module][0])()
    return made


@pytest.mark.parametrize("module", PUBLIC)
def test_a_provider_is_stored_as_a_reference(module: str) -> None:
    """The stored form names module and class, is short, and holds no code: editing a verb changes no state."""
    stored = base64.b64decode(serialize_provider(provider_of(module)))
    assert len(stored) < LONGEST
    assert module.encode() in stored
    assert PUBLIC[module][0].encode() in stored
    assert b"check" not in stored


@pytest.mark.parametrize("module", PUBLIC)
def test_a_provider_carries_no_state_and_no_secret(module: str) -> None:
    """An object of it holds nothing, so that nothing is captured, and it need not be stored as a secret."""
    provider = provider_of(module)
    assert vars(provider) == {}
    assert provider.serialize_as_secret_always is False


@pytest.mark.parametrize("module", PUBLIC)
def test_a_resource_keeps_its_type(module: str) -> None:
    """The resource's type stands in every URN."""
    imported = importlib.import_module(module)
    name = PUBLIC[module][0].removesuffix("Provider")
    resource = getattr(imported, name)
    assert f"pulumi-python:{resource._resource_type_name}" == PUBLIC[module][1]


def test_every_provider_is_pinned_here() -> None:
    """A new provider class is a new public name: it stands in the list above."""
    found = {}
    for file in sorted((ROOT / "dynamic_providers").glob("*.py")):
        module = importlib.import_module(f"dynamic_providers.{Path(file).stem}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Provider) and kind is not Provider and kind.__module__ == module.__name__:
                found[module.__name__] = name
    assert found == {module: names[0] for module, names in PUBLIC.items()}
