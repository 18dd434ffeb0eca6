"""Swaps the project's clock in whatever process starts with this folder on PYTHONPATH and SANDBOX_CLOCK_FILE set.

Python imports `sitecustomize` at start-up. Pulumi's language host and pip start under it too, so it does nothing but
watch for the import of `rotation.clock`, and hands over to the sitecustomize that it hides, if there is one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

_HERE = Path(__file__).resolve().parent
_CLOCK_MODULE = "rotation.clock"


class _SwappingLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _swap(module)


class _ClockFinder:
    """Finds `rotation.clock` as everybody would, and swaps its clock right after it was loaded."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == _CLOCK_MODULE else None
        if spec is not None and spec.origin is not None:
            spec.loader = _SwappingLoader(fullname, spec.origin)
        return spec


def _swap(module: ModuleType) -> None:
    # By path, because the project's root need not be on sys.path and its folder need not be called `sandbox`.
    clock = _load("_sandbox_clock", _HERE.parent / "clock.py")
    module.system_clock = clock.offset_clock(Path(os.environ["SANDBOX_CLOCK_FILE"]), module.system_clock)  # type: ignore[attr-defined]


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run_hidden_sitecustomize() -> None:
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    spec = PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.origin is not None:
        _load("sitecustomize", Path(spec.origin))


if os.environ.get("SANDBOX_CLOCK_FILE"):
    sys.meta_path.insert(0, _ClockFinder())
_run_hidden_sitecustomize()
