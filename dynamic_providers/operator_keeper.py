"""The keeper of the teams that bootstrapped their operational tokens: what is due in the dry run, and done in an up.

The records are its state; what stands here is what it was told to keep. A team that fails is told, and ends the run's
exit code as any other failure does; it hides no other team.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers.operator_records import client_of, refuse_to_leave
from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, verb
from rotation.errors import BackendError
from rotation.model import stored_policy
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.keeper import Due, Keeper, Keeping, Kept, put_off_by
from rotation.operator_tokens.published import OwnerObject, PublishedSecrets
from rotation.operator_tokens.record import RecordPlace
from rotation.operator_tokens.revocation import Revocation
from rotation.operator_tokens.standing import accepted_of_admission
from rotation.operator_tokens.store import RecordStore
from rotation.reasons import Reason

GIVEN = ("backend", "records", "policy", "owner", "revoked", "declared", "secrets", "paused")
INPUTS = (*GIVEN, "due")
OUTPUTS = ("teams",)


class OperatorKeeperProvider(Provider):
    """Updated in place whenever something is due. The dry run shows it as `~ due`."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        """Look, and show what an up would do; where nobody answers, that is told and nothing is due.

        Raises Refused where the config left the records behind that it kept.
        """
        refuse_to_leave(run, olds, news)
        try:
            dues = _look(run, news)
        except BackendError as error:
            run.tell(news["backend"], put_off_by(error))
            return CheckResult({**news, "due": []}, [])
        for due in dues:
            if due.decision.reason is not Reason.NOTHING_DUE:
                run.tell(due.namespace, due.decision)
        told = [f"{due.namespace}: {due.decision.action} ({due.decision.reason})" for due in dues]
        return CheckResult({**news, "due": told}, [])

    @verb
    def diff(self, _run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        return DiffResult(changes=bool(news["due"]) or changed(olds, news, GIVEN))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        return CreateResult(f"{props['backend']}-keeper", _kept(run, props))

    @verb
    def update(self, run: Run, _id: str, _olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(_kept(run, news))

    @verb
    def read(self, _run: Run, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Revoke every team that it kept: nobody would end their tokens any more.

        One that fails hides no other; the keeper stays until none of them does.
        """
        store, published, events = _parts(run, props)
        revocation, survey = Revocation(store, published, events, run.clock), store.survey()
        failures: list[BackendError] = list(survey.unreadable.values())
        for record in survey.records:
            if accepted_of_admission(record, run.clock()):
                try:
                    revocation.revoke_team(record.namespace)
                except BackendError as error:
                    failures.append(error)
        if failures:
            raise _together(failures)


def _kept(run: Run, props: Props) -> Props:
    """Do what is due now; `check` may have looked minutes ago, so it is looked at again."""
    keeper = _keeper(run, props)
    _tell(run, keeper.keep(keeper.look()))
    teams = Counter(str(record.team.status) for record in _parts(run, props)[0].all())
    return {**inputs_of(props, INPUTS), "teams": dict(sorted(teams.items()))}


def _look(run: Run, props: Props) -> list[Due]:
    return list(run.once(f"what is due at {props['backend']}", _keeper(run, props).look))


def _tell(run: Run, kept: Kept) -> None:
    for namespace, error in kept.failures.items():
        run.tell(namespace, put_off_by(error))


def _together(failures: list[BackendError]) -> BackendError:
    causes = "; ".join(f"{error.act}: {error.cause}" for error in failures)
    return BackendError("revoke the teams", causes, failures[0].remedy)


def _keeper(run: Run, props: Props) -> Keeper:
    keeping = Keeping(
        stored_policy(props["policy"]),
        OwnerObject.model_validate(props["owner"]) if props["owner"] else None,
        frozenset(props["revoked"]),
        dict(props["declared"]),
        dict(props["secrets"]),
        minting=run.minting and not props["paused"],
    )
    return Keeper(*_parts(run, props), run.clock, keeping)


def _parts(run: Run, props: Props) -> tuple[RecordStore, PublishedSecrets, Events]:
    client = client_of(run, props["backend"])
    place = RecordPlace.model_validate(props["records"])
    events = Events(client, run.clock, untold=run.say)
    return RecordStore(client, place, run.sleep), PublishedSecrets(client, place), events


class OperatorKeeper(Resource, module="token-rotation", name="OperatorKeeper"):
    """One for each operator; protected, because its removal revokes the teams that it keeps."""

    teams: pulumi.Output[Mapping[str, int]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        absent = dict.fromkeys(("due", *OUTPUTS))
        super().__init__(OperatorKeeperProvider(), name, {**absent, **props}, opts)
