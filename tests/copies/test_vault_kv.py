"""Reading an entry of a real KV mount as its consumers do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rotation.clock import system_clock
from rotation.copies.found import Found
from rotation.copies.vault_kv import read_entry
from rotation.errors import NotFound, Unauthorised, Unavailable
from sandbox.faults import Faults
from sandbox.forward import Forward
from sandbox.servers.openbao import OpenBaoServer


@dataclass(frozen=True)
class Entry:
    """An entry of the mount `secret` at a path of its own."""

    server: OpenBaoServer
    transport: Faults
    path: str

    def write(self, **data: str) -> None:
        self.server.as_root("POST", f"secret/data/{self.path}", {"data": data})

    def read(self, key: str = "token", *, mount: str = "secret", path: str = "", credential: str = "") -> Found:
        credential = credential or self.server.root_token
        return read_entry(self.transport, credential, mount, path or self.path, key, clock=system_clock)


@pytest.fixture
def entry(openbao_server: OpenBaoServer) -> Iterator[Entry]:
    forward = Forward(openbao_server.url)
    made = Entry(openbao_server, Faults(forward.handle), f"apps/{secrets.token_hex(4)}")
    made.write(token="planted-first", generation="g1")
    made.write(token="planted-value", generation="g2")
    yield made
    forward.close()


def test_the_newest_version_is_found(entry: Entry) -> None:
    """Value and generation are those of the last write; the repr shows no value."""
    assert entry.read() == Found("planted-value", "g2")
    assert "planted" not in repr(entry.read())


def test_what_is_not_there_is_not_found(entry: Entry) -> None:
    """A key, an entry, a mount and a deleted version that are not there are NotFound."""
    for wanted in ({"key": "other"}, {"path": "apps/nothing"}):
        with pytest.raises(NotFound):
            entry.read(**wanted)
    entry.server.as_root("DELETE", f"secret/data/{entry.path}")
    with pytest.raises(NotFound, match="newest version is deleted"):
        entry.read()


def test_a_refusal_and_silence_are_not_gone(entry: Entry) -> None:
    """A dead credential is Unauthorised and no server Unavailable; no value is told."""
    with pytest.raises(Unauthorised) as refused:
        entry.read(credential="planted-dead-credential")
    assert "planted" not in repr(refused.value)
    entry.transport.down = True
    with pytest.raises(Unavailable):
        entry.read()
