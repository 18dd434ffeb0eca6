"""Bad input through the real CLI, one of each class: what a stranger reads, and that nothing is left anywhere.

The many ways to write a config wrongly are in tests/components/test_settings.py.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.apis.authentik import Authentik
from sandbox.clock import move, offset_clock
from sandbox.serve import mounted
from sandbox.servers import openbao
from sandbox.servers.certificates import Authority
from tests.end_to_end.stack import POLICY, SHORT, Stack

ADMIN: dict[str, Any] = {"backend": "authentik", "policy": POLICY}


def _is_untouched(stack: Stack) -> None:
    """No call was made and nothing was published."""
    assert sum(stack.authentik.calls.values()) == 0
    assert sum(stack.vault_calls.calls.values()) == 0
    assert stack.published_names() == []


def test_refused_settings_touch_nothing(stack: Stack) -> None:
    """A config that cannot be used is refused in one line, with key, cause and remedy, before any server is asked."""
    stack.declare(admin={**ADMIN, "rotate": "yearly"})
    refused = stack.up(check=False)
    assert refused.code != 0
    told = (
        "InvalidSettings: read token-rotation:tokens.admin.rotate: this key is unknown. See Pulumi.yaml for the keys."
    )
    assert told in refused.output
    assert "Traceback" not in refused.output
    _is_untouched(stack)


def test_two_tokens_of_one_name_are_refused(stack: Stack) -> None:
    """A name that stands twice in the file is refused by its line, and not silently the last one taken."""
    stack.declare(admin=ADMIN)
    file = stack.project / f"Pulumi.{stack.name}.yaml"
    key = "  token-rotation:tokens:\n"
    file.write_text(file.read_text().replace(key, f"{key}    admin: {{backend: vault}}\n"))
    refused = stack.up(check=False)
    assert refused.code != 0
    assert "admin" in refused.output
    assert "already" in refused.output
    _is_untouched(stack)


@pytest.mark.parametrize(
    ("passphrase", "told"),
    [(None, "PULUMI_CONFIG_PASSPHRASE"), ("not the one", "incorrect passphrase")],
    ids=["missing", "wrong"],
)
def test_a_bad_passphrase_is_told(
    stack: Stack, passphrase: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the passphrase, or with a wrong one, the run ends by saying so, and touches nothing."""
    stack.declare(admin=ADMIN)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    del stack.environment["PULUMI_CONFIG_PASSPHRASE"]
    if passphrase is not None:
        stack.environment["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    refused = stack.up(check=False)
    assert refused.code != 0
    assert told in refused.output
    _is_untouched(stack)


TOLD = {
    "away": "Unavailable: check the credential away: no answer (ConnectError: [Errno 111] Connection refused)."
    " Check the url, the network and that the server runs.",
    "wrong": "Unauthorised: check the credential wrong: HTTP 403 (Token invalid/expired)."
    " Check that the credential in use is alive and has the permissions that the README lists.",
    "lapsed": "Unauthorised: check the credential lapsed: HTTP 403 (Token invalid/expired).",
    "unset": "InvalidSettings: find the credential unset: its source is empty or not set."
    " Set the environment variable NOT_SET_ANYWHERE.",
    "untold": "Unauthorised: read the Secret",
    "untrusted": "Check the server's name and certificate, or name its authority in `ca_certificate`.",
    "skewed": "ClockSkew: check the credential skewed: the server's clock and ours differ by",
    "short": "GrantedTooShort: mint short at authentik: the backend granted 30m, the policy needs 40d (margin -39d)."
    " It was revoked and nothing was published. Raise the server's limit, or shorten the policy's parts.",
    "nobody": "Refused: look up the user nobody at authentik: 0 users are named no-such-user."
    " Correct `spec.user`, or let the credential's user see it (permission view_user).",
    "capped": "GrantedTooShort: mint capped at capped: the backend granted 1m, the policy needs 6m (margin -5m).",
}
"""What each of these tokens is told; those named after their backend fail before anything is minted."""


def test_each_failure_is_told_and_leaves_nothing(stack: Stack, tmp_path: Path) -> None:
    """Unreachable, refused, untrusted, skewed or stingy: each names its cause and remedy, and leaves nothing.

    Clocks that differ by more than a minute are warned of only.
    """
    with ExitStack() as servers:
        others = _declare_failures(stack, tmp_path, servers)
        run = stack.up("--continue-on-error", check=False)
        assert run.code != 0
        untold = {name: told for name, told in TOLD.items() if told not in run.output}
        assert not untold, run.output
        assert "It was revoked and nothing was published. Raise the server's limit, or shorten" in run.output
        assert "the policy needs 40d (margin -39d)" in run.output
        assert "Traceback" not in run.output
        assert "token-rotation: drifting: keep (ClockSkew): the clock of drifting and ours differ by" in run.output
        assert stack.published_names() == ["drifting"], run.output
        assert stack.live_at_authentik() == []
        assert stack.live_at_vault() == []
        for name, server in others.items():
            ours = [t for t in server.live_tokens() if t.identifier.startswith(stack.name)]
            assert len(ours) == (name == "drifting")


def _declare_failures(stack: Stack, directory: Path, servers: ExitStack) -> dict[str, Authentik]:
    """One token for each way to fail, most at a backend of their own; returns the other Authentik servers by name."""
    others = {
        "wrong": Authentik(offset_clock(stack.clock_file)),
        "lapsed": Authentik(offset_clock(stack.clock_file), default_token_duration="milliseconds=1"),
        "skewed": _with_clock(directory / "skewed", 600),
        "drifting": _with_clock(directory / "drifting", 90),
    }
    for name, server in others.items():
        url = servers.enter_context(mounted(server.handle))
        _add_backend(stack, name, url, server.bootstrap_key)
    stack.environment["WRONG"] = "a-key-that-nobody-was-given"
    stack.environment["LAPSED"] = others["lapsed"].issue("akadmin", "made-by-hand", expiring=True)
    _add_backend(stack, "away", "http://127.0.0.1:9", "any-key-at-all")
    _add_backend(stack, "untrusted", servers.enter_context(_tls_server(directory)), "any-key-at-all")
    backends = stack.config["token-rotation:backends"]
    absent = {"namespace": stack.namespace, "name": "no-such-secret"}
    backends["untold"] = {**backends["wrong"], "credential": {"kubernetesSecret": absent}}
    backends["unset"] = {**backends["wrong"], "credential": {"env": "NOT_SET_ANYWHERE"}}
    backends["capped"] = _capped_vault(stack)
    stack.set("backends", backends)
    own = {name: {**ADMIN, "backend": name} for name in backends if name not in ("authentik", "vault", "capped")}
    stack.declare(
        **own,
        short={**ADMIN, "spec": {"mode": "server"}},
        nobody={**ADMIN, "spec": {"user": "no-such-user"}},
        capped={"backend": "capped", "spec": {"role": f"capped-{stack.name}"}, "policy": SHORT},
    )
    return others


def _with_clock(file: Path, seconds_ahead: float) -> Authentik:
    move(file, seconds_ahead)
    return Authentik(offset_clock(file))


def _add_backend(stack: Stack, name: str, url: str, key: str) -> None:
    stack.environment[name.upper()] = key
    entry = {"kind": "authentik", "url": url, "credential": {"env": name.upper()}}
    stack.config["token-rotation:backends"][name] = entry


def _capped_vault(stack: Stack) -> dict[str, Any]:
    """A role that ends every token after a minute, whatever is asked."""
    role = f"capped-{stack.name}"
    stack.environment["CAPPED"] = openbao.prepare_rotation(
        stack.vault_server, role=role, admin_policy="homelab-admin", rotator_policy=role
    )
    made = {"allowed_policies": ["homelab-admin"], "orphan": True, "renewable": True, "token_explicit_max_ttl": "60s"}
    stack.vault_server.as_root("POST", f"auth/token/roles/{role}", made)
    return {"kind": "vault", "url": stack.vault_url, "credential": {"env": "CAPPED"}}


@contextmanager
def _tls_server(directory: Path) -> Iterator[str]:
    """A server whose certificate was signed by an authority that nobody knows."""
    pair = Authority("nobody-knows-it").server("localhost")
    (directory / "server.crt").write_bytes(pair.certificate)
    (directory / "server.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
