"""The simulated Vault gives the answers of a real OpenBao: the same story, told by both."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from rotation.backends.transport import Request, Response, json_request
from rotation.clock import system_clock
from sandbox.apis.vault import Vault
from sandbox.forward import Forward
from sandbox.servers.openbao import OpenBaoServer, prepare_rotation

UNKNOWN = "noSuchAccessor0123456789"
_ONE_BY_ONE = ("request_id", "accessor", "client_token", "id", "creation_time", "last_renewal_time")
"""What differs from one server and one second to the next: only whether it is there is compared."""


@dataclass
class Teller:
    """One server that the story is told to. `told` is what it answered, by the name of the act."""

    send: Callable[[Request], Response]
    root: str
    rotator: str
    names: dict[str, str]
    told: dict[str, object] = field(default_factory=dict)

    def ask(self, act: str, method: str, path: str, body: object = None, *, by: str | None = None) -> Any:
        """Note the answer under this name, and return what it holds."""
        headers = {"x-vault-token": self.rotator if by is None else by}
        answer = self.send(json_request(method, f"/v1/auth/token/{path}", body, headers=headers))
        assert act not in self.told
        self.told[act] = (answer.status, self._compared(answer.json()))
        return answer.json()

    def _compared(self, document: Any, name: str = "") -> Any:
        if isinstance(document, dict):
            return {key: self._compared(part, key) for key, part in document.items()}
        if isinstance(document, list):
            return [self._compared(part, name) for part in document]
        if name in _ONE_BY_ONE or name.endswith("_time") or name == "last_renewal":
            return bool(document)
        if name in {"lease_duration", "ttl"}:
            return round(document, -1)
        return self._text(document) if isinstance(document, str) else document

    def _text(self, text: str) -> str:
        """Without this server's own names, and with a cap that is some seconds old as new."""
        for own, common in self.names.items():
            text = text.replace(own, common)
        return re.sub(r'"767h59m5\ds"', '"768h"', text)


def _lives(teller: Teller) -> None:
    """A token from its mint to its end, and what is asked of it afterwards."""
    role = next(iter(teller.names))
    wish = {"ttl": "600s", "display_name": "admin", "meta": {"owner": "o", "token": "admin", "generation": "g"}}
    auth = teller.ask("mint", "POST", f"create/{role}", wish)["auth"]
    body, value = {"accessor": auth["accessor"]}, auth["client_token"]
    teller.ask("look up", "POST", "lookup-accessor", body)
    teller.ask("probe", "GET", "lookup-self", by=value)
    for seconds in (3600, 60, 0, 2764800, 5000000):
        teller.ask(f"renew by {seconds}", "POST", "renew-accessor", {**body, "increment": seconds})
    teller.ask("renew by a text", "PUT", "renew-accessor", {**body, "increment": "2h"})
    teller.ask("look up the renewed", "POST", "lookup-accessor", body)
    teller.ask("revoke", "POST", "revoke-accessor", body)
    teller.ask("revoke again", "POST", "revoke-accessor", body)
    teller.ask("look up the dead", "POST", "lookup-accessor", body)
    teller.ask("renew the dead", "POST", "renew-accessor", body)
    teller.ask("probe the dead", "GET", "lookup-self", by=value)


def _refusals(teller: Teller) -> None:
    """What is not there, not allowed, or not well asked."""
    role = next(iter(teller.names))
    for act in ("lookup-accessor", "renew-accessor", "revoke-accessor"):
        teller.ask(f"{act} of the unknown", "POST", act, {"accessor": UNKNOWN})
        teller.ask(f"{act} of nothing", "POST", act, {})
    teller.ask("a bad token", "GET", "lookup-self", by="s.never-was")
    teller.ask("no token", "GET", "lookup-self", by="")
    teller.ask("another role", "POST", "create/another", {"ttl": "60s"})
    teller.ask("an unknown role", "POST", "create/another", {"ttl": "60s"}, by=teller.root)
    teller.ask("a list", "LIST", "accessors")
    teller.ask("a create without a role", "POST", "create", {"ttl": "60s"})
    teller.ask("a path that is not there", "GET", "nothing")
    teller.ask("the same by root", "GET", "nothing", by=teller.root)
    teller.ask("a bad ttl", "POST", f"create/{role}", {"ttl": "soon"})
    teller.ask("too long a ttl", "POST", f"create/{role}", {"ttl": "900h"})
    teller.ask("no ttl", "POST", f"create/{role}", {})
    teller.ask("another policy", "POST", f"create/{role}", {"policies": ["root"]})
    teller.ask("fewer policies", "POST", f"create/{role}", {"ttl": "60s", "policies": ["default"]})


def _roles(teller: Teller) -> None:
    """What other kinds of role make, and children that die with their parent."""
    role, fixed, brief, childish = list(teller.names)[:4]
    auth = teller.ask("mint what is fixed", "POST", f"create/{fixed}", {"ttl": "60s"}, by=teller.root)["auth"]
    teller.ask("renew what is fixed", "POST", "renew-accessor", {"accessor": auth["accessor"], "increment": 90})
    auth = teller.ask("mint what is brief", "POST", f"create/{brief}", {"ttl": "60s"}, by=teller.root)["auth"]
    teller.ask("renew what is brief", "POST", "renew-accessor", {"accessor": auth["accessor"], "increment": "1h"})
    parent = teller.ask("mint a parent", "POST", f"create/{role}", {"ttl": "60s"})["auth"]
    wish, by = {"ttl": "90s", "meta": {"a": "b"}}, parent["client_token"]
    child = teller.ask("mint a child", "POST", f"create/{childish}", wish, by=by)["auth"]
    teller.ask("look up the child", "POST", "lookup-accessor", {"accessor": child["accessor"]})
    teller.ask("revoke the parent", "POST", "revoke-accessor", {"accessor": parent["accessor"]})
    teller.ask("look up the orphaned", "POST", "lookup-accessor", {"accessor": child["accessor"]})
    teller.ask("probe the orphaned", "GET", "lookup-self", by=child["client_token"])
    teller.ask("the rotator itself", "GET", "lookup-self")


@pytest.fixture
def openbao(openbao_server: OpenBaoServer) -> Iterator[Teller]:
    """The real server, with roles of its own for this test."""
    forward = Forward(openbao_server.url)
    yield _openbao(openbao_server, forward)
    forward.close()


@pytest.mark.parametrize("story", [_lives, _refusals, _roles])
def test_both_answer_alike(openbao: Teller, story: Callable[[Teller], None]) -> None:
    """Each call has the same status, the same fields and the same words, whoever answers it."""
    simulated = _simulated()
    for teller in (openbao, simulated):
        story(teller)
    assert simulated.told == openbao.told


def _openbao(server: OpenBaoServer, forward: Forward) -> Teller:
    mark = secrets.token_hex(4)
    names = {f"{name}-{mark}": name for name in ("homelab", "fixed", "brief", "childish")}
    role, fixed, brief, childish = names
    admin, rotator = f"admin-{mark}", f"rotator-{mark}"
    credential = prepare_rotation(server, role=role, admin_policy=admin, rotator_policy=rotator)
    made: dict[str, dict[str, Any]] = {
        fixed: {"orphan": True, "renewable": False},
        brief: {"orphan": True, "token_explicit_max_ttl": "30m"},
        childish: {},
    }
    for name, settings in made.items():
        server.as_root("POST", f"auth/token/roles/{name}", {"allowed_policies": ["default"], **settings})
    return Teller(forward.handle, server.root_token, credential, {**names, admin: "admin", rotator: "rotator"})


def _simulated() -> Teller:
    server = Vault(system_clock)
    credential = server.prepare_rotation("homelab")
    server.write_role("fixed", "default", orphan=True, renewable=False)
    server.write_role("brief", "default", orphan=True, explicit_max_ttl=timedelta(minutes=30))
    server.write_role("childish", "default")
    names = {name: name for name in ("homelab", "fixed", "brief", "childish")}
    return Teller(server.handle, server.root_token, credential, names)
