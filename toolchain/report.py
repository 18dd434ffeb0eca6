"""The words for what is here: one line after a set-up, one table for `status`."""

from datetime import datetime

from rich import box
from rich.table import Table

from toolchain import refusals
from toolchain.install import Outcome
from toolchain.model import Tool
from toolchain.toolbox import PATH_ORIGIN, Toolbox


def outcome_line(outcome: Outcome) -> str:
    """Such as `etcd 3.6.7: cached (built)`, or that the stand-in is used and why."""
    tool, place = outcome.tool, outcome.place
    if place is None:
        return f"{tool.name} {tool.version}: not to be had, so {tool.stand_in} stands in ({outcome.cause})"
    if place.origin == PATH_ORIGIN:
        return f"{tool.name} {place.version}: {place.directory}, on PATH"
    return f"{tool.name} {place.version}: {place.origin if outcome.fresh else f'cached ({place.origin})'}"


def status_table(toolbox: Toolbox, now: datetime) -> Table:
    """Tool, version, what PATH may offer instead, where it came from, and the directory or the remedy."""
    table = Table("tool", "version", "accepted on PATH", "from", "where", box=box.SIMPLE_HEAD)
    for tool in toolbox.tools.values():
        accepted = str(tool.on_path.accepted) if tool.on_path else "never"
        version, origin, where = _standing(toolbox, tool, now)
        table.add_row(tool.name, version, accepted, origin, where)
    return table


def _standing(toolbox: Toolbox, tool: Tool, now: datetime) -> tuple[str, str, str]:
    if place := toolbox.find(tool):
        return place.version, place.origin, str(place.directory)
    if tool.required:
        only = "" if tool.by_default else f" --only {tool.name}"
        origin = "missing" if tool.by_default else "missing (not needed by default)"
        return tool.version, origin, f"python -m toolchain install{only}"
    cause = refusals.recall(toolbox.cache.root, tool, now)
    return tool.version, f"stand-in: {tool.stand_in}", cause or "python -m toolchain install"
