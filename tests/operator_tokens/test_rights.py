"""The rights that a team's job and the keeper need, on a real API server: these few are enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Transport, json_request
from rotation.errors import Unauthorised
from rotation.operator_tokens.published import PREVIOUS, secret_name
from rotation.testing.builders import SECOND
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_service_account
from tests.operator_tokens.team_world import LIFE, POLICY, RealTeams

_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
RECORDS = {"apiGroups": [""], "resources": ["configmaps"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"]}
EVENTS = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]}
Rules = list[dict[str, list[str]]]


class Account:
    """A ServiceAccount in the records' namespace with Roles in that one and in the team's, and no more."""

    def __init__(self, server: KubernetesServer, teams: RealTeams, name: str, folder: Path) -> None:
        self.teams, self.name = teams, name
        with server.admin_client() as api:
            token = make_service_account(api, teams.place.namespace, name)
        kubeconfig = server.write_kubeconfig(folder / name, token=token)
        self.send: Transport = kubernetes_transport(connection(str(kubeconfig)))

    def may(self, namespace: str, rules: Rules) -> Account:
        role = {"metadata": {"name": self.name}, "rules": rules}
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": self.teams.place.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": self.name}
        binding = {"metadata": {"name": self.name}, "subjects": [subject], "roleRef": reference}
        for plural, body in (("roles", role), ("rolebindings", binding)):
            made = self.teams.send(json_request("POST", f"{_RBAC}/{namespace}/{plural}", body))
            assert made.status == 201, made.body
        return self


@pytest.fixture
def teams(kubernetes_server: KubernetesServer) -> RealTeams:
    """A team of its own on the real server."""
    return RealTeams(kubernetes_transport(connection(str(kubernetes_server.kubeconfig))), lambda _seconds: None)


def _own(teams: RealTeams, *verbs: str) -> Rules:
    """On the one Secret by its name; `create` cannot be limited so."""
    named = {**SECRETS, "verbs": list(verbs), "resourceNames": [secret_name(teams.mine)]}
    return [named, {**SECRETS, "verbs": ["create"]}, EVENTS]


def test_a_bootstrap_reads_and_writes_one_record_and_one_secret(
    teams: RealTeams, kubernetes_server: KubernetesServer, tmp_path: Path
) -> None:
    """get and update of the team's own record, get, create and update of its Secret, create of Events."""
    admission = teams.enter(teams.mine)
    job = Account(kubernetes_server, teams, "job", tmp_path)
    record = {**RECORDS, "verbs": ["get", "update"], "resourceNames": [f"{teams.place.name}-{teams.mine}"]}
    job.may(teams.place.namespace, [record])
    with pytest.raises(Unauthorised, match="HTTP 403"):
        teams.present(admission, teams.mine, send=job.send)
    assert teams.accepted(teams.mine) == {}
    job.may(teams.mine, _own(teams, "get", "update"))
    assert teams.present(admission, teams.mine, send=job.send).minted
    assert teams.told(teams.mine) == ["Accepted"]


def test_a_keeper_without_a_right_to_list_secrets(
    teams: RealTeams, kubernetes_server: KubernetesServer, tmp_path: Path
) -> None:
    """list, get, create and update of the records; of each team get and update of its Secret by name, and Events."""
    teams.present(teams.enter(teams.mine), teams.mine)
    keeper = Account(kubernetes_server, teams, "keeper", tmp_path)
    keeper.may(teams.place.namespace, [{**RECORDS, "verbs": ["get", "list", "create", "update"]}])
    keeper.may(teams.mine, _own(teams, "get", "update"))
    early = POLICY.model_copy(update={"rotate_before": LIFE - SECOND})
    moved = teams.clock() + 2 * SECOND
    teams.run(keeper.send, lambda: moved, policy=early)
    assert PREVIOUS in teams.secret(teams.mine)
    assert teams.unknown(teams.mine) == []
    teams.assert_nothing_is_revealed()
