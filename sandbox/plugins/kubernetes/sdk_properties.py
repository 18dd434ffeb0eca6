"""Which properties the installed SDK knows, so that a misspelt one is an error here as it is with the real plugin.

The SDK's input classes are read as text: importing them takes half a second in every run, for classes by the thousand.
Each property is declared there as a getter with its wire name and an annotation that names the class of its value.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?\n    def (?P<name>\w+)\(self\) -> (?P<type>.+):\n')
_NESTED = re.compile(r"'(?:_(?P<group>\w+)\.(?P<version>\w+)\.)?(?P<name>\w+Args)'")


def unknown_properties(token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Dotted paths of the inputs that the SDK's class of this type does not have. KeyError for an unknown type."""
    group_version, kind = token.split(":")[1:]
    group, version = group_version.split("/")
    folder = f"{group.split('.')[0]}/{version}"
    return list(_unknown(folder, f"{kind}.py", f"{kind}InitArgs", inputs, ""))


def _unknown(folder: str, file: str, name: str, values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    known = _properties(folder, file, name)
    for key, value in values.items():
        if key not in known:
            yield f"{prefix}{key}"
        elif nested := _NESTED.search(known[key]):
            yield from _unknown_in(folder, nested, value, f"{prefix}{key}")


def _unknown_in(folder: str, nested: re.Match[str], value: Any, path: str) -> Iterator[str]:
    where = f"{nested['group']}/{nested['version']}" if nested["group"] else folder
    if isinstance(value, dict):
        yield from _unknown(where, "_inputs.py", nested["name"], value, f"{path}.")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_in(folder, nested, item, f"{path}[{index}]")


@cache
def _properties(folder: str, file: str, name: str) -> Mapping[str, str]:
    """Wire name to annotation of one input class."""
    _, found, rest = _source(folder, file).partition(f"\nclass {name}:\n")
    if not found:
        raise KeyError(f"the installed pulumi_kubernetes has no {name} in {folder}")
    body = re.split(r"\n(?=\S)", rest, maxsplit=1)[0] + "\n"
    return {getter["wire"] or getter["name"]: getter["type"] for getter in _GETTER.finditer(body)}


@cache
def _source(folder: str, file: str) -> str:
    package = find_spec("pulumi_kubernetes")
    assert package is not None
    assert package.origin is not None
    source = Path(package.origin).parent / folder / file
    return source.read_text() if source.exists() else ""
