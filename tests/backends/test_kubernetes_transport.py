"""The way to a cluster: what is sent arrives as it was meant, and every failure to get an answer is typed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config

from rotation.backends import kubernetes_transport as module
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response, json_request, json_response
from rotation.errors import Refused, Unavailable
from rotation.testing.secrecy import reveals, told_by
from sandbox.faults import Faults
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer

TOKEN = "a planted bearer token"


class Recorder:
    """Answers everything, and keeps what was asked."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.answer = json_response(200, {"kind": "Anything"}, {"X-Told": "Yes"})

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        return self.answer


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def faults(recorder: Recorder) -> Faults:
    return Faults(recorder)


@pytest.fixture
def url(faults: Faults) -> Iterator[str]:
    with mounted(faults) as url:
        yield url


def configured(url: str, token: str = "") -> client.Configuration:
    """As a kubeconfig for that server would be read."""
    made = client.Configuration(host=url)
    if token:
        made.api_key["authorization"] = f"Bearer {token}"
    return made


def test_what_is_sent_arrives(url: str, recorder: Recorder) -> None:
    """Method, path, query, headers and body, whatever letters are in them; the answer's header names are lower case."""
    path, query = "/api/v1/namespaces/a b/configmaps/ä%2F+", {"labelSelector": "a/b=c,d in (e, f)", "limit": "5&6"}
    request = json_request("PUT", path, {"data": {"ä": "ö"}}, query=query, headers={"x-own": "yes"})
    answer = kubernetes_transport(configured(url))(request)
    [seen] = recorder.seen
    assert (seen.method, seen.path, dict(seen.query), seen.json()) == ("PUT", path, query, {"data": {"ä": "ö"}})
    assert (seen.headers["x-own"], seen.headers["content-type"]) == ("yes", "application/json")
    assert (answer.status, answer.json(), answer.headers["x-told"]) == (200, {"kind": "Anything"}, "Yes")


def test_the_writer_is_named(url: str, recorder: Recorder) -> None:
    """The API server takes the field manager from the user agent; who wants another name says so."""
    send = kubernetes_transport(configured(url))
    send(json_request("GET", "/api"))
    send(json_request("GET", "/api", headers={"user-agent": "other/1"}))
    assert [seen.headers["user-agent"] for seen in recorder.seen] == ["token-rotation", "other/1"]


def test_the_credential_is_read_at_each_call(url: str, recorder: Recorder) -> None:
    """A bearer token that its kubeconfig renews is sent as it is now, and cannot be set by a request."""
    settings = configured(url, TOKEN)
    send = kubernetes_transport(settings)
    send(json_request("GET", "/api", headers={"authorization": "Bearer other"}))
    settings.api_key["authorization"] = "Bearer the next one"
    send(json_request("GET", "/api"))
    assert [seen.headers["authorization"] for seen in recorder.seen] == [f"Bearer {TOKEN}", "Bearer the next one"]


def test_a_credential_that_cannot_be_read_is_refused(url: str, recorder: Recorder) -> None:
    """Refused before anything is sent, without what the file said."""
    settings = configured(url, TOKEN)

    def renew(_settings: client.Configuration) -> None:
        raise config.ConfigException(f"the file says {TOKEN}")

    settings.refresh_api_key_hook = renew
    with pytest.raises(Refused, match="the credential that the kubeconfig names cannot be read") as raised:
        kubernetes_transport(settings)(json_request("GET", "/api"))
    assert (recorder.seen, reveals(str(raised.value), TOKEN)) == ([], False)


def test_a_redirection_is_an_answer(url: str, recorder: Recorder) -> None:
    """It is not followed: the credential goes to one server only."""
    recorder.answer = Response(307, {"location": f"{url}/elsewhere"})
    assert kubernetes_transport(configured(url, TOKEN))(json_request("GET", "/api")).status == 307
    assert len(recorder.seen) == 1


def test_a_refusal_is_an_answer(url: str, recorder: Recorder) -> None:
    """What a status means is told by who asked, and nothing is asked twice here."""
    recorder.answer = json_response(503, {"kind": "Status"}, {"retry-after": "1"})
    assert kubernetes_transport(configured(url))(json_request("GET", "/api")).status == 503
    assert len(recorder.seen) == 1


def test_no_answer_is_unavailable(url: str, faults: Faults, recorder: Recorder) -> None:
    """A broken connection, and a server that is not there; the error tells its kind, no url and no value."""
    send = kubernetes_transport(configured(url, TOKEN))
    faults.drop()
    with socket.create_server(("127.0.0.1", 0)) as free:
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    for one in (send, kubernetes_transport(configured(away, TOKEN))):
        with pytest.raises(Unavailable, match=r"no answer \(\w+\)") as raised:
            one(json_request("GET", "/api/v1/secrets"))
        assert "secrets" not in str(raised.value)
        assert not reveals(told_by(raised.value), TOKEN)
    assert recorder.seen == []


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing is Unavailable after the time limit."""
    monkeypatch.setattr(module, "CALL_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        send = kubernetes_transport(configured(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(Unavailable, match="ReadTimeoutError"):
            send(json_request("GET", "/api"))


def test_a_certificate_that_cannot_be_verified_is_refused(kubernetes_server: KubernetesServer) -> None:
    """A real API server under another authority's eyes: asking again changes nothing."""
    settings = connection(str(kubernetes_server.kubeconfig))
    settings.ssl_ca_cert = None
    with pytest.raises(Refused, match="TLS certificate cannot be verified"):
        kubernetes_transport(settings)(json_request("GET", "/api"))


def test_a_client_certificate_lets_us_in(kubernetes_server: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the administrator of a real API server, named by argument and by KUBECONFIG; a stranger gets a Status."""
    asked = json_request("GET", "/api/v1/namespaces", query={"limit": "1"})
    assert kubernetes_transport(connection(str(kubernetes_server.kubeconfig), "sandbox"))(asked).status == 200
    monkeypatch.setattr(config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(kubernetes_server.kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(kubernetes_server.kubeconfig))
    assert kubernetes_transport(connection())(asked).status == 200
    settings = connection(str(kubernetes_server.kubeconfig))
    settings.cert_file = settings.key_file = None
    refused = kubernetes_transport(settings)(asked)
    assert (refused.status, refused.json()["kind"]) == (403, "Status")


_WITH_BAD_CERTIFICATE = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://example.com", "certificate-authority-data": TOKEN}}],
    "users": [{"name": "u", "user": {"token": TOKEN}}],
}
BROKEN = {
    "absent": None,
    "no YAML of a kubeconfig": f"token: {TOKEN}",
    "no YAML": f"token: [{TOKEN}",
    "a certificate that is none": yaml.safe_dump(_WITH_BAD_CERTIFICATE),
    "of another context": yaml.safe_dump({"contexts": [], "clusters": [], "users": [{"token": TOKEN}]}),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_kubeconfig_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None) -> None:
    """With a remedy, and without a line of it."""
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Refused, match=r"there is no usable kubeconfig.*set KUBECONFIG") as raised:
        connection(str(path))
    assert not reveals(str(raised.value), TOKEN)
    assert reveals("a text that holds a planted bearer token", TOKEN), "the search works"
