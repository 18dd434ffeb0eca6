"""`tokens accept`: what a person gives is proved at its server, written by nobody of ours, and shown nowhere."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from kubernetes import client, config
from typer.testing import CliRunner

from dynamic_providers.cluster import CURRENT_KEY, GENERATION_ANNOTATION, ClusterSettings, Placed
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from operations import accept
from operations.__main__ import app
from operations.cluster import Cluster
from rotation.backends.transport import json_request
from rotation.bootstrap import PLACEHOLDER
from rotation.clock import system_clock
from rotation.errors import InvalidSettings
from rotation.testing.builders import a_generation
from rotation.testing.secrecy import reveals
from sandbox.apis.coder import Coder
from sandbox.faults import Faults
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace

NAME = "coder-admin-api-token"
PASSWORD = "a Planted passw0rd"


@dataclass
class Desk:
    """A server, a cluster, and a person between them."""

    kubernetes: KubernetesServer
    namespace: str
    coder: Coder
    faults: Faults
    url: str
    value: str

    def accept(self, given: str | None = None, *more: str, place: str = "", kind: str = "coder") -> tuple[int, str]:
        """Exit code and all that is shown."""
        at = place or f"{self.namespace}/{NAME}"
        arguments = ["accept", at, "--kind", kind, "--url", self.url, *more]
        result = CliRunner().invoke(app, arguments, input=self.value if given is None else given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        shown = result.output
        assert not reveals(shown, self.value)
        return result.exit_code, shown

    def secret(self) -> client.V1Secret | None:
        with self.kubernetes.admin_client() as api:
            found = client.CoreV1Api(api).list_namespaced_secret(self.namespace, field_selector=f"metadata.name={NAME}")
        return next(iter(found.items), None)

    def data(self) -> dict[str, str]:
        with self._cluster() as cluster:
            placed = cluster.secret(self.namespace, NAME)
        return dict(placed.data) if placed else {}

    def hold_place(self) -> KubernetesCluster:
        """As a run does that waits for a person."""
        cluster = self._as_a_run()
        cluster.hold_place(self.namespace, NAME, PLACEHOLDER + "20260101", "owner-mark")
        return cluster

    def placed(self) -> Placed:
        """The Secret as the next run sees it."""
        placed = self._as_a_run().placed(self.namespace, NAME)
        assert placed is not None
        return placed

    def _as_a_run(self) -> KubernetesCluster:
        return KubernetesCluster(ClusterSettings(kubeconfig=str(self.kubernetes.kubeconfig)))

    @contextmanager
    def _cluster(self) -> Iterator[Cluster]:
        cluster = Cluster.connect(str(self.kubernetes.kubeconfig))
        yield cluster
        cluster.close()


@pytest.fixture
def desk(kubernetes_server: KubernetesServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A server of real time, because the command reads the real clock."""
    namespace = f"test-{secrets.token_hex(4)}"
    with kubernetes_server.admin_client() as api:
        make_namespace(api, namespace)
    kubeconfig = str(kubernetes_server.kubeconfig)
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    monkeypatch.setattr(config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", kubeconfig)  # read once, at import
    coder = Coder(system_clock, seed=secrets.randbits(32))
    coder.add_user("admin", password=PASSWORD, email="admin@example.com")
    value = coder.issue("admin", "template-automation")
    faults = Faults(coder.handle)
    with mounted(faults) as url:
        yield Desk(kubernetes_server, namespace, coder, faults, url, value)


def test_a_token_that_works_is_written(desk: Desk) -> None:
    """Where there is no Secret it is created; what happened and what comes next is said."""
    code, shown = desk.accept(desk.value + "\n")
    assert (code, desk.data()) == (0, {"token": desk.value})
    assert f"the key token of the Secret {desk.namespace}/{NAME} holds it. It was created." in shown
    assert "Next: `pulumi up`" in shown


def test_a_session_of_a_login_is_refused(desk: Desk) -> None:
    """It works, and ends with the login; the next run would not adopt it. Nothing is written."""
    login = json_request("POST", "/api/v2/users/login", {"email": "admin@example.com", "password": PASSWORD})
    session = desk.coder.handle(login).json()["session_token"]
    code, shown = desk.accept(session)
    assert (code, desk.secret()) == (2, None)
    assert "it is a session of admin" in shown
    assert "Create a token under Account, Tokens" in shown
    assert not reveals(shown, session)


def test_only_its_key_is_touched(desk: Desk) -> None:
    """What else stands in the Secret stays, and so do its labels."""
    metadata = client.V1ObjectMeta(name=NAME, labels={"team": "team-a"}, annotations={"note": "kept"})
    with desk.kubernetes.admin_client() as api:
        body = client.V1Secret(metadata=metadata, string_data={"token": "another", "url": desk.url})
        client.CoreV1Api(api).create_namespaced_secret(desk.namespace, body)
    code, shown = desk.accept(desk.value, "--key", "api-token")
    assert (code, desk.data()) == (0, {"token": "another", "url": desk.url, "api-token": desk.value})
    assert "Nothing else of it was changed." in shown
    found = desk.secret()
    assert found is not None
    assert (found.metadata.labels, found.metadata.annotations) == ({"team": "team-a"}, {"note": "kept"})


def test_the_next_run_sees_that_a_person_wrote_it(desk: Desk) -> None:
    """Over a placeholder of ours: by hand before, after the placeholder's marks are given up, and the value stays."""
    cluster = desk.hold_place()
    assert desk.accept()[0] == 0
    assert desk.placed().by_hand
    cluster.give_up_place(desk.namespace, NAME)
    assert cluster.secret_value(desk.namespace, NAME, CURRENT_KEY) == desk.value
    found = desk.secret()
    assert found is not None
    owners = {entry.manager for entry in found.metadata.managed_fields if "f:token" in str(entry.fields_v1)}
    assert owners == {accept.MANAGER}


def test_over_a_published_token_it_is_by_hand_too(desk: Desk) -> None:
    """What a run published and nobody touched is not; once a person gave another value it is."""
    metadata = {"name": NAME, "annotations": {GENERATION_ANNOTATION: a_generation()}}
    data = {CURRENT_KEY: base64.b64encode(b"published").decode()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    given = {"field_manager": "a-publication", "force": True, "_content_type": "application/apply-patch+yaml"}
    with desk.kubernetes.admin_client() as api:
        client.CoreV1Api(api).patch_namespaced_secret(NAME, desk.namespace, body, **given)
    before = desk.placed().by_hand
    assert desk.accept()[0] == 0
    assert (before, desk.placed().by_hand) == (False, True)


@pytest.mark.parametrize(
    "given",
    [
        *("", "\n", PLACEHOLDER + "20260101", "two words", " leading", "trailing ", "two\nlines", "tab\tin", "x\n\n"),
        *("ümlaut", "nul\0", "bell\a"),
    ],
    ids=repr,
)
def test_what_can_be_no_token_is_refused(desk: Desk, given: str) -> None:
    """Before anything is asked of a server or of the cluster."""
    code, shown = desk.accept(given)
    assert (code, desk.secret()) == (2, None)
    assert shown.startswith("InvalidSettings: read the token: ")
    assert sum(desk.coder.calls.values()) == 0


def test_bytes_that_are_no_text_are_refused() -> None:
    """And not shown by the error that reading them makes."""
    with pytest.raises(InvalidSettings, match="it is no text") as raised:
        accept.read_value(io.TextIOWrapper(io.BytesIO(b"planted\xff"), encoding="utf-8"))
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


@pytest.mark.parametrize("newline", ["", "\n", "\r\n"])
def test_one_newline_at_the_end_is_dropped(newline: str) -> None:
    """A file's or an echo's last one; it is no part of the value."""
    assert accept.read_value(io.StringIO(f"abc-def{newline}")) == "abc-def"


def test_at_a_terminal_it_is_typed_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by a prompt that echoes nothing."""
    asked: list[str] = []

    def hidden(prompt: str) -> str:
        asked.append(prompt)
        return "abc-def"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def read(self, _size: int | None = -1) -> str:
            raise AssertionError("a terminal is not read in the open")

    monkeypatch.setattr("getpass.getpass", hidden)
    assert accept.read_value(Terminal()) == "abc-def"
    assert asked == ["Token: "]


def test_a_token_that_is_refused_is_not_written(desk: Desk) -> None:
    """The server is asked first: what it does not take never reaches the Secret, over which a placeholder stays."""
    desk.hold_place()
    code, shown = desk.accept("abcdefghij-nosuchsecret0123456789")
    assert (code, desk.data()) == (2, {"token": PLACEHOLDER + "20260101"})
    assert shown.startswith("Unauthorised: probe coder: HTTP 401")
    assert "nosuchsecret" not in shown


def test_a_server_that_is_away_is_no_refusal(desk: Desk) -> None:
    """It may be back soon: exit code 1, and nothing is written."""
    desk.faults.down = True
    code, shown = desk.accept()
    assert (code, desk.secret()) == (1, None)
    assert shown.startswith("Unavailable: probe coder: ")


def test_a_cluster_that_refuses(desk: Desk) -> None:
    """A namespace that is not there: exit code 1, after the token was proved."""
    code, shown = desk.accept(place=f"{desk.namespace}-x/{NAME}")
    assert code == 1
    assert shown.startswith(f"ClusterError: create the Secret {desk.namespace}-x/{NAME}: HTTP 404")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"place": "coder"}, "read the place: 'coder' is no namespace/name. Write it as NAMESPACE/SECRET"),
        ({"place": "a/b/c"}, "read the place"),
        (
            {"kind": "operator"},
            "read --kind: 'operator' has no server that takes a token. Use authentik, coder, vault.",
        ),
        ({"kind": "x"}, "read --kind"),
        ({"url": "http://coder.example.com"}, "read --url: it would send the token in clear"),
        ({"url": "https://admin:planted@coder.example.com"}, "read --url: it is no plain url of a server"),
        ({"url": "coder.example.com"}, "read --url"),
        ({"url": "https://["}, "read --url"),
    ],
    ids=str,
)
def test_a_command_that_cannot_be_followed(desk: Desk, change: dict[str, str], told: str) -> None:
    """Refused before the value is read; a credential in a url is not shown."""
    desk.url = change.get("url", desk.url)
    code, shown = desk.accept(place=change.get("place", ""), kind=change.get("kind", "coder"))
    assert code == 2
    assert shown.startswith(f"InvalidSettings: {told}")
    assert "planted" not in shown


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost", "http://coder.coder.svc", "https://x.example/"]
)
def test_a_url_that_will_do(url: str) -> None:
    """TLS anywhere, plain http where nothing leaves the machine or the cluster."""
    assert accept.server_of(url) == url.rstrip("/")


def test_a_value_is_no_argument(desk: Desk) -> None:
    """There is no option and no argument for it: a process's arguments are seen by others."""
    result = CliRunner().invoke(app, ["accept", "--help"])
    assert "--token" not in result.output
    assert "--value" not in result.output
    assert CliRunner().invoke(app, ["accept", "a/b", desk.value, "--kind", "coder", "--url", desk.url]).exit_code == 2
