"""Which properties the installed SDK knows, so that a misspelt one is an error here as it is with the real plugin.

The SDK's input classes are read as text: each property is declared as a getter with its wire name and an annotation
that names the class of its value.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?\n    def (?P<name>\w+)\(self\) -> (?P<type>.+):\n')
_NESTED = re.compile(r"'(?P<name>\w+Args)'")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def unknown_properties(sdk: str, token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Dotted paths of the inputs that the SDK's class of this type does not have. KeyError for an unknown type."""
    module, name = token.split(":")[1:]
    folder, file = module.split("/")
    folder = "" if folder == "index" else folder
    known = _properties(sdk, folder, f"{_HUMP.sub('_', file).lower()}.py", f"{name}Args")
    return list(_unknown(sdk, folder, known, inputs))


def _unknown(sdk: str, folder: str, known: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if key not in known:
            yield key
        elif isinstance(value, dict) and (nested := _NESTED.search(known[key])):
            inner = _properties(sdk, folder, "_inputs.py", nested["name"])
            yield from (f"{key}.{path}" for path in _unknown(sdk, folder, inner, value))


@cache
def _properties(sdk: str, folder: str, file: str, name: str) -> Mapping[str, str]:
    """Wire name to annotation of one input class."""
    package = find_spec(sdk)
    assert package is not None
    assert package.origin is not None
    source = Path(package.origin).parent / folder / file
    _, found, rest = (source.read_text() if source.exists() else "").partition(f"\nclass {name}:\n")
    if not found:
        raise KeyError(f"the installed {sdk} has no {name} in {folder or 'its root'}")
    body = re.split(r"\n(?=\S)", rest, maxsplit=1)[0] + "\n"
    return {getter["wire"] or getter["name"]: getter["type"] for getter in _GETTER.finditer(body)}
