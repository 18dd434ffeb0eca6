"""Where a backend is and with which credential: safe urls, one source, and no value shown in a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.components.stack_config import AUTHENTIK, read, refusal


@pytest.mark.parametrize(
    "url",
    ["http://authentik.example.com", "http://192.0.2.7:9000", "http://[2001:db8::1]", "http://localhost.example.com"],
)
def test_plain_http_to_a_public_name_is_refused(url: str) -> None:
    """A credential travels in clear over loopback and inside the cluster only."""
    text = refusal(backends={"authentik": {**AUTHENTIK, "url": url}})
    assert "backends.authentik.url" in text
    assert "plain http is for loopback and .svc names" in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", "http://authentik.authentik.svc"]
)
def test_plain_http_inside_is_read(url: str) -> None:
    """Loopback and cluster-internal names need no TLS."""
    assert read(backends={"authentik": {**AUTHENTIK, "url": url}}).backends["authentik"].url == url


@pytest.mark.parametrize("url", ["authentik.example.com", "ftp://authentik.example.com", "https://", "https://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """A url has a scheme and a host."""
    assert "backends.authentik.url" in refusal(backends={"authentik": {**AUTHENTIK, "url": url}})


def test_a_credential_in_a_url_is_refused_and_not_shown() -> None:
    """A url holds no credential; the refusal does not repeat it."""
    for url in (
        "https://rotator:planted-value@authentik.example.com",
        "http://rotator:planted-value@authentik.example.com",
    ):
        text = refusal(backends={"authentik": {**AUTHENTIK, "url": url}})
        assert "a url must not hold a credential" in text
        assert "planted-value" not in text


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"env": "A", "config": "b"},
        {"env": "A", "kubernetesSecret": {"namespace": "n", "name": "s"}},
        {"env": ""},
    ],
)
def test_a_credential_names_one_source(credential: dict[str, Any]) -> None:
    """There is no precedence to remember: none and two are both refused."""
    text = refusal(backends={"authentik": {**AUTHENTIK, "credential": credential}})
    assert "a credential names exactly one source: env, config or kubernetesSecret" in text


def test_a_value_in_place_of_a_credential_is_not_shown() -> None:
    """Whoever writes the credential itself into the config is refused without seeing it repeated."""
    text = refusal(backends={"authentik": {**AUTHENTIK, "credential": "planted-value"}})
    assert "backends.authentik.credential" in text
    assert "planted-value" not in text


def test_a_missing_certificate_file_is_refused(tmp_path: Path) -> None:
    """An authority that cannot be read is named by its path."""
    path = str(tmp_path / "authority.pem")
    assert path in refusal(backends={"authentik": {**AUTHENTIK, "ca_certificate": path}})
