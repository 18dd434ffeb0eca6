"""The table of docs/rights.md, from the Roles of a sample; `python -m tests.schedule.rights_page` writes it."""

from __future__ import annotations

from collections.abc import Iterable

from components.schedule.rights import Right, merged
from tests.architecture.sources import ROOT
from tests.schedule.sample import Sample

PAGE = ROOT / "docs" / "rights.md"
MARK = "<!-- table: python -m tests.schedule.rights_page -->"
_NAMES = {"sample-home": "token-rotation", "sample-authentik": "authentik", "sample-vault": "vault"}


def table() -> str:
    """One row for each thing that an account may do."""
    rows = ["| account | verbs | resource | namespace | names |", "| --- | --- | --- | --- | --- |"]
    for job, rights in Sample(mark="sample").rights().items():
        rows += [f"| `{job.value}` | {row} |" for row in _rows(rights)]
    return "\n".join(rows)


def _rows(rights: Iterable[Right]) -> list[str]:
    names: dict[tuple[str, str, str], list[str]] = {}
    for right in merged(rights):
        resource = f"{right.resource}.{right.group}" if right.group else right.resource
        names.setdefault((", ".join(right.verbs), resource, _NAMES[right.namespace]), []).append(right.name)
    return [" | ".join((*place, ", ".join(f"`{name}`" if name else "any" for name in n))) for place, n in names.items()]


def main() -> None:
    """Write the table into the page, below its mark."""
    head = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{head}{MARK}\n\n{table()}\n")


if __name__ == "__main__":
    main()
