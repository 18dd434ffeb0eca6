"""An operator's records as the providers reach them, and that nobody leaves them while they let somebody in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamic_providers.state import Run
from rotation.backends.api_client import ApiClient
from rotation.errors import Refused
from rotation.operator_tokens.record import Record, RecordPlace
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.reasons import Action, Decision, Reason


def client_of(run: Run, backend: str) -> ApiClient:
    """A client of the cluster that warns under the operator's name."""

    def warn(text: str) -> None:
        run.tell(backend, Decision(Action.KEEP, Reason.CLOCK_SKEW, text))

    return cluster_client(backend, run.reach(backend), run.clock, warn)


def refuse_to_leave(run: Run, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Raise Refused where the records of the last run are not those of the config, and still let a token in.

    Whoever reads them would go on to do so, and refuse whatever is minted into the new ones. Raises UnreadableRecord
    where one of them may hide a token, and the client's typed errors.
    """
    if not olds.get("records") or olds["records"] == news["records"]:
        return
    before, after = (RecordPlace.model_validate(props["records"]) for props in (olds, news))
    survey = RecordStore(client_of(run, news["backend"]), before, run.sleep).survey()
    for error in survey.unreadable.values():
        raise error
    left = [record.namespace for record in survey.records if _lets_in(record, run)]
    if left:
        cause = f"{before.namespace}/{before.name} still lets in tokens of {', '.join(sorted(left))}"
        remedy = (
            f"Put `records` back; or copy these records to {after.namespace}/{after.name}, let the operator read those,"
            " and delete the ones that were copied (docs/operator-tokens.md)."
        )
        raise Refused("move the records of", cause, remedy, backend=news["backend"])


def _lets_in(record: Record, run: Run) -> bool:
    return any(entry.is_accepted(run.clock()) for entry in record.entries.values())
