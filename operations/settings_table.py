"""`tokens settings`: each setting of the preferences, its value, and where it came from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from operations.cluster import Cluster
from operations.exit_code import ExitCode
from operations.stored_preferences import Stored, read_stored
from rotation.errors import RotationError
from rotation.preferences import EXPECTED, SETTINGS_VARIABLE, VARIABLES, as_texts

HIDDEN = "(hidden)"
_COLUMNS = ("setting", "variable", "value", "from")
_NAMES = ("setting", "variable")
_SECRETS = ("notification_webhook",)


@dataclass(frozen=True)
class Row:
    """One setting. `variable`: the environment's name for it, where it has one; `note`: why a value was passed over."""

    setting: str
    variable: str
    value: str
    source: str
    note: str = ""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each setting, its value, and where it came from: stack config, environment, 1Password item or default.

    Reads the Secret that TOKEN_ROTATION_SETTINGS names; without it, the environment and the defaults.
    """
    try:
        stored = read_stored(os.environ, Cluster.connect)
    except RotationError as error:
        typer.echo(str(error), err=True)
        sys.exit(ExitCode.REFUSED_INPUT)
    if as_json:
        typer.echo(json.dumps(document(stored), indent=2))
    else:
        show(stored, Console())


def rows(stored: Stored) -> list[Row]:
    """Every setting in the order of the documentation. A url of a webhook may hold a key: it is not shown."""
    preferences = stored.preferences
    values = {"namespace": preferences.namespace, **as_texts(preferences)}
    return [
        Row(
            name,
            VARIABLES.get(name, ""),
            HIDDEN if name in _SECRETS and values[name] else values[name],
            preferences.sources[name],
            preferences.ignored.get(name, ""),
        )
        for name in EXPECTED
    ]


def document(stored: Stored) -> dict[str, object]:
    """The same for programs."""
    return {"read_from": stored.place, "problem": stored.problem, "settings": [asdict(row) for row in rows(stored)]}


def show(stored: Stored, console: Console) -> None:
    """A table, and below it what was passed over and where the settings were read."""
    table = Table(*(Column(name, no_wrap=name in _NAMES) for name in _COLUMNS))
    for row in rows(stored):
        # As Text: what people wrote is no markup.
        table.add_row(*map(Text, (row.setting, row.variable, row.value, row.source)))
    console.print(table)
    for line in _told(stored):
        console.print(line, markup=False, highlight=False)


def _told(stored: Stored) -> Iterable[str]:
    for row in rows(stored):
        if row.note:
            yield f"{row.setting}: what stands there is not used: {row.note}."
    if not stored.place:
        yield f"{SETTINGS_VARIABLE} is not set: only the environment and the defaults are known here."
    elif stored.problem:
        yield f"The Secret {stored.place} could not be read ({stored.problem}): only the environment and the defaults"
        yield "are known here."
    else:
        yield f"Read from the Secret {stored.place}, which the last `up` wrote."
