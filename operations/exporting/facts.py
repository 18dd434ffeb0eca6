"""What the exporter knows: receipts and run records, read from the cluster or from a mounted folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from operations.cluster import Cluster
from rotation.model import TOKEN_NAME
from rotation.receipt import Receipt, read_receipt
from rotation.run_record import RETIRE, ROTATE, VALIDATE, RunRecord, read_run_record, runs_name

T = TypeVar("T")
JOBS = (ROTATE, RETIRE, VALIDATE)


@dataclass(frozen=True)
class Facts:
    """Both ConfigMaps, read. `unreadable` names the tokens and jobs whose entry this release cannot read."""

    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()


def facts_from(receipts: Mapping[str, str], runs: Mapping[str, str]) -> Facts:
    """Read the entries. What bears no token's name among the receipts is a note of the rotation to itself."""
    unreadable: list[str] = []
    tokens = {name: text for name, text in receipts.items() if TOKEN_NAME.fullmatch(name)}
    jobs = {name: text for name, text in runs.items() if name in JOBS}
    return Facts(_read(tokens, read_receipt, unreadable), _read(jobs, read_run_record, unreadable), tuple(unreadable))


def read_cluster(cluster: Cluster, namespace: str, name: str) -> Facts:
    """Read both ConfigMaps. Raises ClusterError, ClusterAway."""
    return facts_from(cluster.config_map(namespace, name), cluster.config_map(namespace, runs_name(name)))


def read_folder(folder: Path, name: str) -> Facts:
    """Read both as mounted: one folder by the name of each, one file for each entry. Raises OSError.

    The kubelet refreshes a mount within about a minute; a ConfigMap that is absent must be mounted as optional.
    """
    return facts_from(_files(folder / name), _files(folder / runs_name(name)))


def _files(folder: Path) -> dict[str, str]:
    """The entries; the kubelet's own links begin with two dots."""
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {folder.parent}")
    if not folder.is_dir():
        return {}
    return {file.name: file.read_text() for file in sorted(folder.iterdir()) if not file.name.startswith("..")}


def _read(entries: Mapping[str, str], read: Callable[[str], T], unreadable: list[str]) -> dict[str, T]:
    found = {}
    for name, text in entries.items():
        try:
            found[name] = read(text)
        except ValidationError:
            unreadable.append(name)
    return found
