"""A program that declares what WISH (a JSON file) says.

`package` and `provider` make one explicit provider; each of `resources` has `type` (below the package), `name` and
`arguments`, where {"output of": [name, property]} stands for an output of one before it.
"""

import json
import os
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pulumi

wish = json.loads(Path(os.environ["WISH"]).read_text())
package = import_module(f"pulumi_{wish['package']}")
options = pulumi.ResourceOptions(provider=package.Provider("explicit", **wish["provider"]))
made: dict[str, Any] = {}


def resolved(value: Any) -> Any:
    """The value with outputs of others in their places."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if isinstance(value, dict) and "output of" in value:
        name, attribute = value["output of"]
        return getattr(made[name], attribute)
    return {key: resolved(item) for key, item in value.items()} if isinstance(value, dict) else value


for each in wish["resources"]:
    kind: Any = reduce(getattr, each["type"].split("."), package)
    made[each["name"]] = kind(each["name"], **resolved(each["arguments"]), opts=options)
for each in wish.get("outputs", []):
    pulumi.export(".".join(each), resolved({"output of": each}))
