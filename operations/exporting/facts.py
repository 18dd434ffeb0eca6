"""What the exporter knows: receipts, run records and what stands beside them, from the cluster or a mounted folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from operations.cluster import Cluster
from operations.exporting.teams import Teams, entries
from rotation.bootstrap_note import NOTE_PREFIX, BootstrapNote, read_bootstrap_note
from rotation.model import TOKEN_NAME
from rotation.receipt import Receipt, read_receipt
from rotation.run_record import RETIRE, ROTATE, VALIDATE, RunRecord, read_run_record, runs_name
from rotation.templates.record import RECORD_PREFIX, TemplateRecord, read_template_record

T = TypeVar("T")
JOBS = (ROTATE, RETIRE, VALIDATE)


@dataclass(frozen=True)
class Facts:
    """Both ConfigMaps, read, and the records of an operator's teams.

    unreadable: the keys of the entries that this release cannot read: tokens, jobs, notes and templates
    waiting:    the tokens that have no receipt yet, because a person has to give their backend a first credential
    templates:  what is told of a template's deployments, by its name
    teams:      None where no records are read
    """

    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    waiting: Mapping[str, BootstrapNote] = field(default_factory=dict)
    templates: Mapping[str, TemplateRecord] = field(default_factory=dict)
    teams: Teams | None = None


def facts_from(receipts: Mapping[str, str], runs: Mapping[str, str], teams: Teams | None = None) -> Facts:
    """Read the entries. What among the receipts none of these names is a note of the rotation to itself."""
    unreadable: list[str] = []
    tokens = {name: text for name, text in receipts.items() if TOKEN_NAME.fullmatch(name)}
    jobs = {name: text for name, text in runs.items() if name in JOBS}
    return Facts(
        receipts=_read(tokens, read_receipt, unreadable),
        runs=_read(jobs, read_run_record, unreadable),
        waiting=_beside(NOTE_PREFIX, receipts, read_bootstrap_note, unreadable),
        templates=_beside(RECORD_PREFIX, receipts, read_template_record, unreadable),
        unreadable=tuple(unreadable),
        teams=teams,
    )


def read_cluster(cluster: Cluster, namespace: str, name: str, teams: Teams | None = None) -> Facts:
    """Read both ConfigMaps. Raises ClusterError, ClusterAway."""
    return facts_from(cluster.config_map(namespace, name), cluster.config_map(namespace, runs_name(name)), teams)


def read_folder(folder: Path, name: str, teams: Teams | None = None) -> Facts:
    """Read both as mounted: one folder by the name of each, one file for each entry. Raises OSError.

    The kubelet refreshes a mount within about a minute; a ConfigMap that is absent must be mounted as optional.
    """
    return facts_from(_files(folder / name), _files(folder / runs_name(name)), teams)


def _files(folder: Path) -> dict[str, str]:
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {folder.parent}")
    return entries(folder) if folder.is_dir() else {}


def _beside(prefix: str, receipts: Mapping[str, str], read: Callable[[str], T], unreadable: list[str]) -> dict[str, T]:
    """What stands among the receipts under a prefix, by what follows it."""
    found = _read({key: text for key, text in receipts.items() if key.startswith(prefix)}, read, unreadable)
    return {key.removeprefix(prefix): one for key, one in found.items()}


def _read(texts: Mapping[str, str], read: Callable[[str], T], unreadable: list[str]) -> dict[str, T]:
    found = {}
    for name, text in texts.items():
        try:
            found[name] = read(text)
        except ValidationError:
            unreadable.append(name)
    return found
