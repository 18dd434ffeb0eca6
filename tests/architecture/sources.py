"""Our own source files, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("components", "dynamic_providers", "operations", "rotation")
PACKAGES = (*PRODUCTION, "benchmarks", "sandbox", "simulator", "toolchain", "tests")


@dataclass(frozen=True)
class Source:
    """One file of ours."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path in the tree."""
        return str(self.path.relative_to(ROOT))

    def imported(self) -> frozenset[str]:
        """The modules that it imports, by their full names; of `from a import b` both `a` and `a.b`."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return frozenset(names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def sources(*packages: str) -> tuple[Source, ...]:
    """The files of some packages, or of all and the program itself."""
    files = [ROOT / "__main__.py"] if not packages else []
    for package in packages or PACKAGES:
        files += sorted((ROOT / package).rglob("*.py"))
    return tuple(Source(file, text := file.read_text(), ast.parse(text)) for file in files)
