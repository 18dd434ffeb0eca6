"""The simulated Kubernetes API against a real kube-apiserver, and what the real one does too seldom to be asked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Response, Transport, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.kubernetes import KubernetesApi
from sandbox.servers.kubernetes import KubernetesServer
from tests.sandbox.kubernetes_stories import STORIES, Teller


@pytest.fixture(scope="module")
def real(kubernetes_server: KubernetesServer) -> Transport:
    return kubernetes_transport(connection(str(kubernetes_server.kubeconfig)))


@pytest.mark.parametrize("story", STORIES, ids=[story.__name__ for story in STORIES])
def test_the_simulated_answers_as_the_real_one(real: Transport, story: Callable[[Teller], None]) -> None:
    """To each call of a story both servers answer the same: status, body and who owns which field."""
    namespace = f"story-{secrets.token_hex(4)}"
    simulated = KubernetesApi(HandClock()).handle
    told = []
    for server in (simulated, real):
        made = json_request(
            "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}, headers={"user-agent": "teller/1"}
        )
        assert server(made).status == 201
        teller = Teller(server, namespace)
        story(teller)
        told.append(teller.answers)
    for ours, theirs in zip(*told, strict=True):
        assert ours == theirs


def ask(api: KubernetesApi, method: str, path: str, body: object = None, **query: str) -> Response:
    """One call to the simulated server."""
    return api.handle(json_request(method, path, body, query=query))


MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def api(clock: HandClock) -> KubernetesApi:
    """A simulated cluster with three ConfigMaps in the namespace `default`."""
    api = KubernetesApi(clock)
    for name in "abc":
        assert ask(api, "POST", MAPS, {"metadata": {"name": name}}).status == 201
    return api


@pytest.mark.parametrize("how", ["compacted", "old"])
def test_the_pages_of_a_forgotten_list_are_expired(api: KubernetesApi, clock: HandClock, how: str) -> None:
    """410 with a token that goes on with what is there now, as a real server answers some minutes later."""
    first = ask(api, "GET", MAPS, limit="1").json()["metadata"]["continue"]
    ask(api, "DELETE", f"{MAPS}/b")
    if how == "compacted":
        api.forget_lists()
    else:
        clock.move(timedelta(minutes=5))
    expired = ask(api, "GET", MAPS, limit="1", **{"continue": first})
    assert (expired.status, expired.json()["reason"], expired.json()["code"]) == (410, "Expired", 410)
    rest = ask(api, "GET", MAPS, **{"continue": expired.json()["metadata"]["continue"]})
    assert [one["metadata"]["name"] for one in rest.json()["items"]] == ["c"]


def test_a_deleted_namespace_ends_when_it_is_collected(api: KubernetesApi) -> None:
    """Until then it is there and takes nothing new; then it is gone with all in it, and can be made again."""
    assert ask(api, "DELETE", "/api/v1/namespaces/default").json()["status"]["phase"] == "Terminating"
    assert ask(api, "GET", f"{MAPS}/a").status == 200
    api.collect_garbage()
    assert ask(api, "GET", "/api/v1/namespaces/default").status == 404
    api.add_namespace("default")
    assert ask(api, "GET", MAPS).json()["items"] == []


def test_what_has_no_owner_left_is_collected(api: KubernetesApi) -> None:
    """An owner of a kind that this server does not know counts as there, and so does one of two."""
    uids = {one["metadata"]["name"]: one["metadata"]["uid"] for one in api.objects("configmaps")}
    owners = {"apiVersion": "v1", "kind": "ConfigMap"}
    gone, left = ({**owners, "name": name, "uid": uids[name]} for name in "ab")
    unknown = {"apiVersion": "example.com/v1", "kind": "Realm", "name": "r", "uid": "r"}
    for name, named in (("one", [gone]), ("two", [gone, left]), ("three", [gone, unknown])):
        ask(api, "POST", MAPS, {"metadata": {"name": name, "ownerReferences": named}})
    ask(api, "DELETE", f"{MAPS}/a")
    api.collect_garbage()
    assert [one["metadata"]["name"] for one in api.objects("configmaps")] == ["b", "c", "three", "two"]


def test_it_counts_its_calls_and_shows_no_inside(api: KubernetesApi) -> None:
    """By method and path template; what is looked at inside is a copy, and is not counted."""
    api.calls.clear()
    ask(api, "GET", f"{MAPS}/a")
    ask(api, "GET", "/nonsense")
    api.objects("configmaps")[0]["data"] = {"changed": "outside"}
    assert "data" not in api.objects("configmaps")[0]
    assert dict(api.calls) == {("GET", "/api/v1/namespaces/{namespace}/configmaps/{name}"): 1, ("GET", "*"): 1}


def test_its_clock_is_told_with_every_answer(api: KubernetesApi) -> None:
    """The date header, by which clients see a clock that is off."""
    assert ask(api, "GET", f"{MAPS}/none").headers["date"] == "Thu, 01 Jan 2026 12:00:00 GMT"
