from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dynamic_providers.credentials import BackendSettings, Credential, resolve
from rotation.errors import ClusterError, InvalidSettings
from tests.dynamic_providers.world import MemoryCluster

URL = "https://auth.example.com"


def _settings(credential: dict[str, Any]) -> BackendSettings:
    return BackendSettings.model_validate({"url": URL, "credential": credential})


def _credential(credential: dict[str, Any]) -> Credential:
    found = _settings(credential).credential
    assert found is not None
    return found


def _resolve(credential: dict[str, Any], config: dict[str, str] | None = None) -> str:
    cluster = MemoryCluster()
    cluster.secrets["apps/robot"] = {"token": "from-the-secret\n", "other": "another"}
    return resolve(_credential(credential), "authentik", (config or {}).get, cluster)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that is named, without the white space around it."""
    monkeypatch.setenv("ROBOT", " from-the-environment\n")
    assert _resolve({"env": "ROBOT"}) == "from-the-environment"


def test_from_the_config() -> None:
    """The key of the stack's config that is named."""
    assert _resolve({"config": "robot"}, {"robot": "from-the-config"}) == "from-the-config"


@pytest.mark.parametrize(("key", "value"), [({}, "from-the-secret"), ({"key": "other"}, "another")])
def test_from_a_kubernetes_secret(key: dict[str, str], value: str) -> None:
    """The key that is named, `token` unless told otherwise."""
    assert _resolve({"kubernetesSecret": {"namespace": "apps", "name": "robot", **key}}) == value


@pytest.mark.parametrize(
    ("credential", "remedy"),
    [
        ({"env": "NOT_SET_ANYWHERE"}, r"Set the environment variable NOT_SET_ANYWHERE\."),
        ({"config": "robot"}, r"Run `pulumi config set --secret robot`\."),
    ],
)
def test_an_empty_source_is_said_with_its_remedy(credential: dict[str, str], remedy: str) -> None:
    """Backend, cause and the command that helps."""
    with pytest.raises(InvalidSettings, match=rf"find the credential authentik: .*not set\. {remedy}"):
        _resolve(credential)


def test_an_empty_variable_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but white space is nothing."""
    monkeypatch.setenv("ROBOT", " \n")
    with pytest.raises(InvalidSettings, match="ROBOT"):
        _resolve({"env": "ROBOT"})


def test_an_empty_secret_is_no_credential() -> None:
    """Nor is it in a Secret."""
    cluster = MemoryCluster()
    cluster.secrets["apps/robot"] = {"token": "\n"}
    source = _credential({"kubernetesSecret": {"namespace": "apps", "name": "robot"}})
    with pytest.raises(InvalidSettings, match="Secret apps/robot"):
        resolve(source, "authentik", lambda _key: None, cluster)


def test_a_cluster_that_refuses_is_said() -> None:
    """The cluster's own error, typed, goes through."""
    cluster = MemoryCluster()
    cluster.fail = {"look": ClusterError}
    source = _credential({"kubernetesSecret": {"namespace": "apps", "name": "robot"}})
    with pytest.raises(ClusterError):
        resolve(source, "authentik", lambda _key: None, cluster)


@pytest.mark.parametrize("credential", [{}, {"env": "A", "config": "b"}, {"env": ""}, {"file": "x"}])
def test_a_credential_names_one_source(credential: dict[str, str]) -> None:
    """None, two or an unknown one is refused: there is no precedence to remember."""
    with pytest.raises(ValidationError):
        _settings(credential)


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example.com",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://127.8.9.10",
        "http://[::1]:9000",
        "http://authentik.auth.svc",
        "http://authentik.auth.svc.cluster.local:80",
    ],
)
def test_urls_that_keep_the_credential_inside(url: str) -> None:
    """TLS anywhere; plain http to loopback and to names inside the cluster."""
    assert BackendSettings.model_validate({"url": f"{url}/", "credential": {"env": "A"}}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example.com",
        "http://10.0.0.7",
        "http://authentik",
        "http://svc",
        "http://localhost.example.com",
        "http://evil.svc.example.com",
        "http://0.0.0.0",
        "ftp://auth.example.com",
        "auth.example.com",
        "https://",
        "https://user:password@auth.example.com",
    ],
)
def test_urls_that_would_give_it_away_are_refused(url: str) -> None:
    """Anything else in clear, and what is no url."""
    with pytest.raises(ValidationError):
        BackendSettings.model_validate({"url": url, "credential": {"env": "A"}})


def test_a_password_in_a_url_is_not_repeated() -> None:
    """The refusal of a url with a credential in it does not show the credential."""
    with pytest.raises(ValidationError) as refused:
        BackendSettings.model_validate({"url": "https://user:hunter22@auth.example.com", "credential": {"env": "A"}})
    assert "hunter22" not in str(refused.value)


def test_an_unknown_kind_and_a_missing_certificate_are_refused(tmp_path: Path) -> None:
    """Both name what was written."""
    for slip in ({"kind": "gitlab"}, {"ca_certificate": str(tmp_path / "none.pem")}):
        with pytest.raises(ValidationError, match=r"gitlab|none\.pem"):
            BackendSettings.model_validate({"url": URL, "credential": {"env": "A"}, **slip})
