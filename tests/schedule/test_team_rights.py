"""What jobs may do with an operator's teams, against the real API server: all that they have to do, and little more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from components.operator_settings import OperatorSettings
from components.schedule.settings import Job
from components.schedule.team_needs import ACCOUNT
from operations.exit_code import ExitCode
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.operator import connect
from rotation.backends.protocol import Order
from rotation.backends.transport import Transport
from rotation.clock import system_clock
from rotation.model import Policy, new_generation_id
from rotation.operator_tokens.bootstrap import Bootstrapper
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.keeper import Keeper, Keeping
from rotation.operator_tokens.published import PREVIOUS, PublishedSecrets
from rotation.operator_tokens.record import RecordPlace, Status
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.testing.builders import OWNER
from rotation.testing.secrecy import reveals
from sandbox.pulumi_cli import ROOT
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import service_account_token
from tests.schedule.local_pod import LocalPod
from tests.schedule.plain_api import account, administrator
from tests.schedule.sample import RECEIPTS, namespace
from tests.schedule.team_sample import RECORDS, TeamSample

A_YEAR = timedelta(days=365)
POLICY = Policy.model_validate({"lifetime": "90d", "rotate_before": "10d", "overlap": "7d"})
ALWAYS_DUE = Policy.model_validate({"lifetime": "90d", "rotate_before": "90d", "overlap": "7d"})
BOOTSTRAP = "bootstrap"
EXAMPLE = ROOT / "docs" / "examples" / "bootstrap_job.yaml"
VERBS = ("get", "list", "post", "make", "update", "patch", "delete")
"""`post` asks for `create` without a name, `make` for `create` of this name."""

CHANGE, KEEP, READ, ANYTHING = {"get", "update"}, {"get", "make", "patch"}, {"get"}, {"post", "make"}
LOOKED_FOR = {("configmaps", "system", name): {"list", *ANYTHING} for name in ("{r}-a", "{r}-b", "{r}-c", "other")}
RECORDS_CHANGED = {place: verbs | (CHANGE if place[2] != "other" else set()) for place, verbs in LOOKED_FOR.items()}
OF_TEAMS = {
    **RECORDS_CHANGED,
    ("secrets", "b", "b-operator-token"): CHANGE,
    ("secrets", "c", "c-operator-token"): CHANGE,
    ("events", "a", "some"): ANYTHING,
    ("events", "b", "some"): ANYTHING,
    ("events", "c", "some"): ANYTHING,
    ("configmaps", "a", "realm"): READ,
    ("configmaps", "b", "realm"): READ,
    ("namespaces", "", "b"): READ,
    ("namespaces", "", "c"): READ,
}
TABLE = {
    Job.RUN: {**OF_TEAMS, ("secrets", "a", "a-operational"): KEEP, ("secrets", "system", "b-admission"): KEEP},
    Job.RETIREMENT: {**OF_TEAMS, ("secrets", "a", "a-operational"): READ, ("secrets", "system", "b-admission"): READ},
    Job.VALIDATION: {
        **{place: {"list"} | (READ if place[2] != "other" else set()) for place in LOOKED_FOR},
        ("secrets", "a", "a-operational"): READ,
        ("secrets", "system", "b-admission"): READ,
    },
    Job.EXPORTER: {place: {"list"} for place in LOOKED_FOR},
    BOOTSTRAP: {
        ("configmaps", "system", "{r}-b"): CHANGE,
        ("secrets", "b", "b-operator-token"): CHANGE | ANYTHING,
        ("secrets", "b", "other"): ANYTHING,
        ("events", "b", "some"): ANYTHING,
        ("configmaps", "b", "realm"): READ,
    },
}
"""What each account may do with these objects; everything else is refused. A team's own letter stands for its name."""

OTHERS = {
    ("secrets", "a", "a-operator-token"),
    ("secrets", "a", "other"),
    ("secrets", "b", "other"),
    ("secrets", "system", "other"),
    ("secrets", "home", "other"),
    ("configmaps", "home", RECEIPTS + "-other"),
    ("configmaps", "b", "other"),
    ("configmaps", "c", "realm"),
    ("events", "system", "some"),
    ("namespaces", "", "a"),
    ("namespaces", "", "other"),
    ("roles", "system", "some"),
    ("rolebindings", "b", "some"),
    ("serviceaccounts/token", "system", f"{ACCOUNT}-b"),
    ("pods", "system", "some"),
}
OBJECTS = sorted({place for rows in TABLE.values() for place in rows} | OTHERS)


@dataclass(frozen=True)
class Applied:
    """The schedule of a sample in a real cluster, and everybody's account."""

    server: KubernetesServer
    sample: TeamSample
    folder: Path

    @property
    def operator(self) -> OperatorSettings:
        assert self.sample.settings.operator is not None
        return self.sample.settings.operator

    @property
    def place(self) -> RecordPlace:
        return RecordPlace(namespace=self.sample.system, name=RECORDS)

    def token(self, who: str) -> str:
        """A bearer token of a job's account, or of the one that bootstraps team b."""
        mine = (self.sample.system, f"{ACCOUNT}-{self.sample.team('b')}")
        home, name = mine if who == BOOTSTRAP else (self.sample.home, who)
        with self.server.admin_client() as api:
            return service_account_token(api, home, name)

    def send(self, who: str) -> Transport:
        file = self.server.write_kubeconfig(self.folder / who, token=self.token(who))
        return kubernetes_transport(connection(str(file)))

    def parts(self, who: str) -> tuple[RecordStore, PublishedSecrets, Events]:
        """What an account works with."""
        client = cluster_client("operator", self.send(who), system_clock, _silent)
        return RecordStore(client, self.place), PublishedSecrets(client, self.place), Events(client, system_clock)

    def keep(self, who: str, keeping: Keeping) -> None:
        """One look and what is due by it; nothing of it may fail."""
        keeper = Keeper(*self.parts(who), system_clock, keeping)
        assert keeper.keep(keeper.look()).failures == {}

    def named(self, place: tuple[str, str, str]) -> tuple[str, str, str]:
        """A row of the table with the names of this sample."""
        resource, where, name = place
        teams = {letter: self.sample.team(letter) for letter in "abc"}
        home = {"": "", "system": self.sample.system, "home": self.sample.home, **teams}[where]
        if resource == "namespaces":
            return resource, home, teams.get(name, name)
        for letter, team in teams.items():
            name = team + name[1:] if name.startswith(f"{letter}-") else name
            name = f"{RECORDS}-{team}" if name == f"{{r}}-{letter}" else name
            name = f"{ACCOUNT}-{team}" if name == f"{ACCOUNT}-{letter}" else name
        return resource, home, name


@pytest.fixture(scope="module")
def applied(kubernetes_server: KubernetesServer, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    return _apply(kubernetes_server, tmp_path_factory.mktemp("accounts"))


def _apply(server: KubernetesServer, folder: Path) -> Applied:
    sample = TeamSample({"exporter": {"serviceMonitor": False}})  # this API server has no operators' CRDs
    realms = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": one, "name": "realm"}}
        for one in sample.teams
    ]
    with administrator(server) as admin:
        admin.applied(*map(namespace, sample.namespaces), *sample.manifests(), *realms)
    return Applied(server, sample, folder)


def test_each_account_can_do_its_work(applied: Applied) -> None:
    """The run makes an admission token, a job exchanges it, the run rotates and revokes, the retirement tidies up."""
    team, revoked = applied.sample.team("b"), applied.sample.team("c")
    value = _admission(applied, team)
    owner = applied.operator.owner
    made = Bootstrapper(*applied.parts(BOOTSTRAP), system_clock, POLICY, owner=owner)
    assert made.present(team, value).minted
    store, published, _events = applied.parts(Job.RUN)
    applied.keep(Job.RUN, Keeping(ALWAYS_DUE, owner, frozenset({revoked})))
    assert store.read(revoked).team.status is Status.REVOKED
    assert published.read(team).hash_at(PREVIOUS), "it was rotated"
    assert owner is not None
    assert published.read(team).is_owned_by(owner)
    assert not made.present(team, value).minted
    applied.keep(Job.RETIREMENT, Keeping(POLICY, owner, frozenset({revoked, team}), minting=False))
    assert published.read(team).values == {}
    with administrator(applied.server) as admin:
        found = admin.send("GET", f"/apis/events.k8s.io/v1/namespaces/{team}/events").json()["items"]
    assert {event["reason"] for event in found} == {"Accepted", "Rotated", "TeamRevoked"}


def test_the_job_of_the_examples_bootstraps_a_team(kubernetes_server: KubernetesServer, tmp_path: Path) -> None:
    """As its manifest says, by the account that the schedule declares: a token is made, once, and no value is told."""
    applied = _apply(kubernetes_server, tmp_path)
    team, system = applied.sample.team("b"), applied.sample.system
    value = _admission(applied, team)
    admission = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": system, "name": f"{team}-admission"}}
    text = EXAMPLE.read_text().replace("keycloak-operator-token-metadata", RECORDS).replace("keycloak-system", system)
    text = text.replace("keycloak.example.com/v1/KeycloakRealm/team-b", "v1/ConfigMap/realm")
    job = yaml.safe_load(text.replace("team-b", team).replace("/admission", f"{tmp_path}/admission"))
    job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] = "/admission"
    with administrator(applied.server) as admin:
        admin.applied({**admission, "stringData": {"token": value}}, job)
    pod = LocalPod(applied.server, system, job["spec"]["template"], tmp_path, ROOT, {})
    for said in ("a new token was made", "nothing was made, there is one already"):
        ended = pod.run()
        assert (ended.returncode, said in ended.stdout) == (ExitCode.FINE, True), ended.stdout
        assert not reveals(ended.stdout, value)


def test_the_validation_can_use_a_value(applied: Applied) -> None:
    """It finds the value's hash in the records, and may change none."""
    team = applied.sample.team("a")
    value = _admission(applied, team)
    connect("operator", applied.send(Job.VALIDATION), "", system_clock, _silent, records=applied.place).probe(value)


@pytest.mark.parametrize("who", [*Job, BOOTSTRAP])
def test_what_the_api_server_says_is_the_table(applied: Applied, who: str) -> None:
    """Asked about itself, an account may do what its table says and nothing else."""
    with account(applied.server, applied.token(who)) as caller:
        told = {
            (*place, verb)
            for place in OBJECTS
            for verb in VERBS
            if caller.allows(*_question(verb, *applied.named(place)))
        }
    expected = {(*place, verb) for place, verbs in TABLE[who].items() for verb in verbs}
    assert told == expected


def _question(verb: str, resource: str, where: str, name: str) -> tuple[str, str, str, str]:
    asked = {"post": "create", "make": "create"}.get(verb, verb)
    return asked, resource, where, "" if verb in {"post", "list"} else name


def _admission(applied: Applied, team: str) -> str:
    """The daily run makes a token of this type as the backend does."""
    backend = connect("operator", applied.send(Job.RUN), "", system_clock, _silent, records=applied.place)
    backend.preflight()
    now, name = system_clock(), f"{team}-admission"
    id_ = new_generation_id(OWNER, name, now)
    minted = backend.mint(Order(id_, OWNER, name, {"namespace": team, "type": "admission"}, A_YEAR, now))
    backend.confirm(minted.handle, A_YEAR)
    return minted.value


def _silent(_text: str) -> None:
    pass
