"""Remembering that a tool we can do without could not be had, so that a prepared machine does not ask each time."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from toolchain.model import Tool

REMEMBERED = timedelta(hours=6)


def remember(root: Path, tool: Tool, cause: str, now: datetime) -> None:
    """Keep `cause` in the cache at `root`."""
    memory = _memory(root, tool)
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({"cause": cause, "at": now.isoformat()}))


def recall(root: Path, tool: Tool, now: datetime) -> str | None:
    """The cause of the last refusal, or None when there was none within REMEMBERED."""
    try:
        kept = json.loads(_memory(root, tool).read_bytes())
        at, cause = datetime.fromisoformat(kept["at"]), str(kept["cause"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return cause if timedelta(0) <= now - at < REMEMBERED else None


def _memory(root: Path, tool: Tool) -> Path:
    return root / "refused" / f"{tool.name}-{tool.version}.json"
