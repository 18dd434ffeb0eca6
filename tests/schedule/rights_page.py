"""The tables of docs/rights.md, from the rights of two samples; `python -m tests.schedule.rights_page` writes them."""

from __future__ import annotations

from collections.abc import Iterable

from components.schedule.rights import Right, merged
from components.schedule.settings import Manifest
from components.schedule.team_needs import ACCOUNT, bootstrap_accounts
from tests.architecture.sources import ROOT
from tests.schedule.sample import Sample
from tests.schedule.team_sample import TeamSample

PAGE = ROOT / "docs" / "rights.md"
MARK = "<!-- table: python -m tests.schedule.rights_page -->"
TEAM_MARK = "<!-- table of an operator: the same command -->"
_HEAD = ("| account | verbs | resource | namespace | names |", "| --- | --- | --- | --- | --- |")
_NAMES = {"sample-home": "token-rotation", "sample-authentik": "authentik", "sample-vault": "vault"}
_TEAM_NAMES = {"sample-system": "keycloak-system", "": "(cluster)"} | {f"sample-{one}": f"team-{one}" for one in "abc"}
_OF_SCHEDULES = {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "serviceaccounts"}


def table() -> str:
    """One row for each thing that an account may do."""
    rows = [*_HEAD]
    for job, rights in Sample(mark="sample").rights().items():
        rows += [f"| `{job.value}` | {row} |" for row in _rows(rights)]
    return "\n".join(rows).replace(".sample-home", ".token-rotation")


def team_table() -> str:
    """One row for each thing that an account may do because of an operator, but for reading what the stack declares."""
    rows, sample = [*_HEAD], TeamSample(mark="sample")
    for job, rights in sample.rights().items():
        more = [right for right in rights if right.namespace in _TEAM_NAMES and right.resource not in _OF_SCHEDULES]
        rows += [f"| `{job.value}` | {row} |" for row in _rows(more)]
    for manifest in bootstrap_accounts(sample.settings):
        rows += [f"| `{ACCOUNT}-team-b` | {row} |" for row in _rows(_granted(manifest))]
    return "\n".join(rows).replace("sample-", "team-")


def _granted(manifest: Manifest) -> list[Right]:
    """The rights that a Role gives."""
    where = manifest["metadata"]["namespace"]
    return [
        Right(where, rule["apiGroups"][0], rule["resources"][0], name, tuple(rule["verbs"]))
        for rule in manifest.get("rules", [])
        for name in rule.get("resourceNames", [""])
    ]


def _rows(rights: Iterable[Right]) -> list[str]:
    names: dict[tuple[str, str, str], list[str]] = {}
    for right in merged(rights):
        resource = f"{right.resource}.{right.group}" if right.group else right.resource
        where = (_NAMES | _TEAM_NAMES)[right.namespace]
        names.setdefault((", ".join(right.verbs), resource, where), []).append(right.name)
    return [" | ".join((*place, ", ".join(f"`{name}`" if name else "any" for name in n))) for place, n in names.items()]


def written(text: str) -> str:
    """The page with both tables as they are to be, each below its mark and before the next empty line."""
    for mark, rows in ((MARK, table()), (TEAM_MARK, team_table())):
        head, _, rest = text.partition(f"{mark}\n\n")
        after = rest.partition("\n\n")[2]
        text = f"{head}{mark}\n\n{rows}\n" + (f"\n{after}" if after else "")
    return text


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
