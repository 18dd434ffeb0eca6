"""Turns the output of `pulumi preview` into a comment for a merge request: what would happen to each token, and why.

    pulumi preview --diff ... | python deploy/ci/reasons.py > comment.md

Only reason lines and the counts of changes are let through, never the diff, which may quote what it changes. It ends
with 0 whatever the preview said; the preview's own exit code is the job's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from rotation.reasons import read_reason_line

_COUNTS = re.compile(r"^\s+(?:[-+~=]+\s*)?\d+ (?:to create|to update|to replace|to delete|unchanged)$")
_TITLE = "### token-rotation: what a run would do"


def comment(lines: Iterable[str]) -> str:
    """Markdown: a table of decisions, and the counts of changes."""
    heard = list(lines)
    told = dict.fromkeys(found for line in heard if (found := read_reason_line(line)))
    counts = dict.fromkeys(line.strip() for line in heard if _COUNTS.match(line))
    rows = [f"| {token} | {each.action} | {each.reason} | {_cell(each.message)} |" for token, each in told]
    table = ["| token | act | reason | why |", "| --- | --- | --- | --- |", *rows] if rows else ["No token is due."]
    changes = f"Changes: {', '.join(counts)}." if counts else "The preview told of no changes: see its log."
    return "\n".join([_TITLE, "", *table, "", changes, ""])


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    sys.stdout.write(comment(line.rstrip("\n") for line in sys.stdin))
