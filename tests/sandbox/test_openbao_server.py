from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.servers import openbao
from sandbox.servers.openbao import OpenBaoServer


@pytest.fixture(scope="module")
def rotator(openbao_server: OpenBaoServer) -> Iterator[httpx.Client]:
    token = openbao.prepare_rotation(
        openbao_server, role="homelab", admin_policy="homelab-admin", rotator_policy="homelab-rotator"
    )
    headers = {"X-Vault-Token": token}
    with httpx.Client(base_url=f"{openbao_server.url}/v1", headers=headers, trust_env=False) as http:
        yield http


def _mint(rotator: httpx.Client, ttl: str = "600") -> dict[str, Any]:
    answer = rotator.post("/auth/token/create/homelab", json={"ttl": ttl, "meta": {"generation": "g1"}})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["auth"])


def test_a_short_lease_is_renewed_to_the_full_lifetime(rotator: httpx.Client) -> None:
    """An orphan role token minted with ttl=600 renews to 2764800 s, the server's cap."""
    minted = _mint(rotator)
    assert (minted["orphan"], minted["lease_duration"]) == (True, 600)
    assert set(minted["policies"]) == {"default", "homelab-admin"}
    body = {"accessor": minted["accessor"], "increment": 2_764_800}
    renewed = rotator.post("/auth/token/renew-accessor", json=body).json()["auth"]
    assert 2_764_800 - renewed["lease_duration"] in range(10)  # the cap counts from the mint, a moment ago


def test_the_minted_token_outlives_its_rotator(rotator: httpx.Client, openbao_server: OpenBaoServer) -> None:
    """An orphan is no child: revoking the rotator's token leaves it alive."""
    names = {"role": "other", "admin_policy": "other-admin", "rotator_policy": "other-rotator"}
    short_lived = openbao.prepare_rotation(openbao_server, **names)
    headers = {"X-Vault-Token": short_lived}
    minted = httpx.post(f"{openbao_server.url}/v1/auth/token/create/other", headers=headers, trust_env=False).json()
    openbao_server.as_root("POST", "auth/token/revoke", {"token": short_lived})
    found = rotator.post("/auth/token/lookup-accessor", json={"accessor": minted["auth"]["accessor"]})
    assert found.status_code == 200


def test_revoking_the_unknown_is_success_with_a_warning(rotator: httpx.Client) -> None:
    """revoke-accessor of a known one is 204; again, it is 200 with a warning."""
    accessor = {"accessor": _mint(rotator)["accessor"]}
    assert rotator.post("/auth/token/revoke-accessor", json=accessor).status_code == 204
    again = rotator.post("/auth/token/revoke-accessor", json=accessor)
    assert again.status_code == 200
    assert "No token found with this accessor" in again.json()["warnings"][0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "auth/token/create"),
        ("POST", "auth/token/create-orphan"),
        ("LIST", "auth/token/accessors"),
        ("GET", "sys/mounts"),
        ("GET", "secret/data/elsewhere"),
    ],
)
def test_the_rotator_may_do_little_else(rotator: httpx.Client, method: str, path: str) -> None:
    """Its policy is the minimal one: it mints by its role only, and lists nothing."""
    assert rotator.request(method, f"/{path}").status_code == 403


def test_the_rotator_publishes_to_its_place(rotator: httpx.Client) -> None:
    """It writes and reads the KV entries below its path."""
    assert rotator.post("/secret/data/token-rotation/one", json={"data": {"token": "x"}}).status_code == 200
    assert rotator.get("/secret/data/token-rotation/one").json()["data"]["data"] == {"token": "x"}


def test_the_rotators_token_lasts(rotator: httpx.Client) -> None:
    """It is periodic: each renewal gives the whole period again."""
    own = rotator.get("/auth/token/lookup-self").json()["data"]
    assert (own["period"], own["orphan"], own["renewable"]) == (2_764_800, True, True)


def test_preparing_twice_is_fine(openbao_server: OpenBaoServer) -> None:
    """A sandbox that is set up again keeps working, with a fresh token."""
    names = {"role": "homelab", "admin_policy": "homelab-admin", "rotator_policy": "homelab-rotator"}
    assert openbao.prepare_rotation(openbao_server, **names) != openbao.prepare_rotation(openbao_server, **names)


def test_no_token_is_in_a_repr_or_argument(openbao_server: OpenBaoServer) -> None:
    """The root token is not printed with the server, and does not stand in any process's arguments."""
    assert openbao_server.root_token not in repr(openbao_server)
    told = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(openbao_server.root_token.encode() in line for line in told)


def test_starting_twice_finds_the_one_that_runs(tmp_path: Path) -> None:
    """A second start in the same state directory starts nothing."""
    with openbao.running(tmp_path, root_token="root") as server:
        assert openbao.start(tmp_path, root_token="root") == server
    with pytest.raises(httpx.TransportError):
        server.as_root("GET", "sys/mounts")
