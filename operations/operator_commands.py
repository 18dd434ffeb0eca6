"""`tokens operator`: what teams and the platform team do with operational tokens beside the stack. Shows no value."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import stamina.instrumentation
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from operations.accept import code_of, read_value
from operations.exit_code import ExitCode
from operations.places import RECORDS_VARIABLE, USUAL_RECORDS, records_place
from rotation import clock
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.clock import to_rfc3339
from rotation.durations import format_duration, parse_duration
from rotation.errors import InvalidSettings, RotationError
from rotation.margins import margins
from rotation.model import Policy
from rotation.operator_tokens.bootstrap import Bootstrapper, Outcome
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.published import OwnerObject, PublishedSecrets
from rotation.operator_tokens.revocation import Revocation
from rotation.operator_tokens.standing import SECRET_DIFFERS, TeamState, sentence, state_of
from rotation.operator_tokens.store import RecordStore, Survey, cluster_client

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Operational tokens of an operator's teams.")
_COLUMNS = ("namespace", "status", "reason", "since", "expires", "grace until", "orphan")

Records = Annotated[str, typer.Option(envvar=RECORDS_VARIABLE, help="namespace/name of the records.")]
Kubeconfig = Annotated[str, typer.Option(help="A kubeconfig; else KUBECONFIG, the usual file, or the pod's account.")]
Context = Annotated[str, typer.Option(help="A context of the kubeconfig.")]
Team = Annotated[str, typer.Argument(help="The team's namespace.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Cluster:
    """The records and the Secrets of one cluster."""

    store: RecordStore
    published: PublishedSecrets
    events: Events

    def revocation(self) -> Revocation:
        """What revokes and restores teams there."""
        return Revocation(self.store, self.published, self.events, clock.system_clock)


@app.command()
def bootstrap(
    *,
    namespace: Annotated[str, typer.Option(help="The team's namespace.")],
    admission_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Holds the admission token; else standard input.")
    ] = None,
    records: Records = USUAL_RECORDS,
    owner: Annotated[str, typer.Option(help="apiVersion/kind/name of the object that owns the Secret.")] = "",
    owner_plural: Annotated[str, typer.Option(help="How the API's paths call that kind.")] = "",
    lifetime: Annotated[str, typer.Option(help="How long the token lives.")] = "90d",
    rotate_before: Annotated[str, typer.Option(help="How long before its end it is rotated.")] = "10d",
    overlap: Annotated[str, typer.Option(help="The grace of the one before.")] = "7d",
    tolerated_outage: Annotated[str, typer.Option(help="How long runs may fail without harm.")] = "3d",
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    as_json: AsJson = False,
) -> None:
    """Exchange the admission token of a namespace for its operational token, which is put into its Secret.

    Presented again it changes nothing and shows how the namespace stands. The admission token is read from standard
    input or from a file, and is never an argument. Ends with 0 made or there already, 1 failed, 2 refused, 3 when the
    Secret holds what is not let in: nobody knows whose it is, so that a person has to delete it.
    """
    with _told():
        lengths = {"lifetime": lifetime, "rotate_before": rotate_before, "overlap": overlap}
        policy = policy_of({**lengths, "tolerated_outage": tolerated_outage})
        value = _admission(admission_file)
        cluster = reach(records, kubeconfig, context)
        made = Bootstrapper(
            cluster.store,
            cluster.published,
            cluster.events,
            clock.system_clock,
            policy,
            owner=owner_of(owner, owner_plural),
        )
        outcome = made.present(namespace, value)
        typer.echo(json.dumps(document(outcome), indent=2) if as_json else line(outcome))
    if outcome.state.reason == SECRET_DIFFERS:
        sys.exit(ExitCode.NEEDS_A_PERSON)


@app.command()
def revoke(team: Team, records: Records = USUAL_RECORDS, kubeconfig: Kubeconfig = "", context: Context = "") -> None:
    """Revoke all tokens of a namespace at once, admission tokens too, and empty its Secret.

    Nothing is made for it before it is restored. Ends with 0 revoked, 1 failed, 2 refused.
    """
    with _told():
        record = reach(records, kubeconfig, context).revocation().revoke_team(team)
        typer.echo(f"{team}: {record.team.status}. {sentence(record, clock.system_clock())}")


@app.command()
def restore(team: Team, records: Records = USUAL_RECORDS, kubeconfig: Kubeconfig = "", context: Context = "") -> None:
    """Let a revoked namespace be given tokens again. What was revoked stays dead: it needs a new admission token.

    Ends with 0 restored, 1 failed, 2 refused. A team that the stack's config revokes is revoked again by its next run.
    """
    with _told():
        record = reach(records, kubeconfig, context).revocation().restore_team(team)
        typer.echo(f"{team}: {record.team.status}. {sentence(record, clock.system_clock())}")


@app.command()
def status(
    *, records: Records = USUAL_RECORDS, kubeconfig: Kubeconfig = "", context: Context = "", as_json: AsJson = False
) -> None:
    """Show how each namespace stands, since when, and when its token and its grace end.

    Ends with 0, or with 1 where a record cannot be read.
    """
    with _told():
        survey = reach(records, kubeconfig, context).store.survey()
        states = [state_of(record, clock.system_clock()) for record in survey.records]
        if as_json:
            unreadable = {namespace: error.cause for namespace, error in survey.unreadable.items()}
            typer.echo(json.dumps({"teams": [told(state) for state in states], "unreadable": unreadable}, indent=2))
        else:
            show(states, survey, Console())
    if survey.unreadable:
        sys.exit(ExitCode.FAILED)


def reach(records: str, kubeconfig: str, context: str) -> Cluster:
    """The cluster that a kubeconfig names, or the one that we run in. Raises InvalidSettings, Refused."""
    place = records_place(records)
    send = kubernetes_transport(connection(kubeconfig or None, context or None))
    client = cluster_client("the cluster", send, clock.system_clock, lambda text: typer.echo(text, err=True))
    store = RecordStore(client, place)
    return Cluster(store, PublishedSecrets(client, place), Events(client, clock.system_clock, socket.gethostname()))


def policy_of(lengths: Mapping[str, str]) -> Policy:
    """The policy of these lengths. Raises InvalidSettings for what is no length, or cannot hold."""
    try:
        policy = Policy.model_validate({name: parse_duration(text) for name, text in lengths.items()})
    except ValueError as error:  # pydantic's is one
        raise InvalidSettings("read the policy", str(error), "Write lengths as in 90d or 12h.") from None
    lacking = {name: spare for name, spare in margins(policy, policy.lifetime).items() if spare < timedelta(0)}
    if lacking:
        name, spare = next(iter(lacking.items()))
        raise InvalidSettings("read the policy", f"{name} is {format_duration(spare)}", "Change one of these lengths.")
    return policy


def owner_of(text: str, plural: str = "") -> OwnerObject | None:
    """Read `apiVersion/kind/name`; None for none. Raises InvalidSettings."""
    if not text:
        return None
    head, _, name = text.rpartition("/")
    api_version, _, kind = head.rpartition("/")
    try:
        return OwnerObject(api_version=api_version, kind=kind, name=name, plural=plural)
    except ValidationError:
        remedy = "Write it as in keycloak.example.com/v1/KeycloakRealm/main."
        raise InvalidSettings("read --owner", f"{text!r} is no apiVersion/kind/name", remedy) from None


def document(outcome: Outcome) -> dict[str, Any]:
    """What a presentation came to, for programs."""
    return {"minted": outcome.minted, **told(outcome.state)}


def told(state: TeamState) -> dict[str, Any]:
    """A state with its instants as text; None for what there is not."""
    return {name: to_rfc3339(one) if isinstance(one, datetime) else one for name, one in asdict(state).items()}


def line(outcome: Outcome) -> str:
    """What a presentation came to, for people."""
    state = outcome.state
    done = "a new token was made" if outcome.minted else "nothing was made, there is one already"
    if state.reason == SECRET_DIFFERS:
        done = "nothing was made: its Secret holds a token that is not let in. Delete it, and present this one again"
    until = f"{state.generation} is accepted until {_shown(state.expires)}" if state.generation else "none is current"
    before = f"; {state.previous} until {_shown(state.grace_until)}" if state.previous else ""
    return f"{state.namespace}: {done}. {state.status} ({state.reason}): {until}{before}. Secret: {state.secret}"


def show(states: list[TeamState], survey: Survey, console: Console) -> None:
    """A table of all namespaces; below it those whose record cannot be read."""
    table = Table(*(Column(name, no_wrap=name in ("namespace", "status")) for name in _COLUMNS))
    for state in states:
        cells = (state.namespace, state.status, state.reason)
        ends = (_shown(state.since), _shown(state.expires), _shown(state.grace_until))
        table.add_row(*map(Text, (*cells, *ends, state.orphaned)))  # as Text: it is no markup
    console.print(table)
    for error in survey.unreadable.values():
        console.print(str(error), markup=False, highlight=False)


def _admission(file: Path | None) -> str:
    if file is None:
        return read_value(sys.stdin)
    with file.open() as source:
        return read_value(source)


def _shown(instant: datetime | None) -> str:
    return to_rfc3339(instant) if instant else ""


@contextmanager
def _told() -> Iterator[None]:
    """End with the code and the sentence of an error."""
    stamina.instrumentation.set_on_retry_hooks([])  # its lines would mix with ours
    try:
        yield
    except RotationError as error:
        typer.echo(str(error), err=True)
        sys.exit(code_of(error))
