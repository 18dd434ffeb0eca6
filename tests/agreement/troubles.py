"""What goes wrong between a run and its servers, on request; the model and the real CLI meet it in the same words.

| site | acts |
| --- | --- |
| authentik, vault | greet, probe, list, find, mint, read key, extend, revoke, look up user |
| cluster | read receipts, write receipt, look, publish, unpublish |

`greet` is the test of our own credential, `probe` that of a fresh value; an act with another name is called `other`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from rotation.backends.transport import Request

How = Literal["refuse", "drop", "lose", "late", "kill before", "kill after"]
Answer = TypeVar("Answer")


@dataclass
class Trouble:
    """What happens to the next `times` acts of a name at a site, after `skip` that go well.

    refuse: answer `status` and do nothing
    drop, lose, late: break the connection and never act, act before that, or act when the run is over
    kill before, kill after: the run dies with the act undone or done
    """

    site: str
    act: str
    how: How
    times: int = 1
    status: int = 500
    skip: int = 0

    def strikes(self, site: str, act: str) -> bool:
        """Whether it is this one's turn; a skipped act counts down."""
        if self.times == 0 or (site, act) != (self.site, self.act):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Troubles:
    """All that was asked for. `kill` ends the run; `down` are the sites that give no answer."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._lock = threading.Lock()
        self._asked: list[Trouble] = []
        self._late: list[Callable[[], object]] = []
        self.down: set[str] = set()
        self.killed = False

    def ask(self, trouble: Trouble) -> None:
        self._asked.append(trouble)

    def clear(self) -> None:
        """Forget all that was asked for; every site is up."""
        self._asked.clear()
        self.down.clear()

    def settle(self) -> None:
        """Do what was on its way when its caller gave up."""
        late, self._late = self._late, []
        for act in late:
            act()

    def around(self, site: str, act: str, do: Callable[[], Answer], refused: Callable[[int], Answer]) -> Answer:
        """Do the act, unless it goes wrong. Raises ConnectionError where no answer comes."""
        with self._lock:
            struck = next((trouble for trouble in self._asked if trouble.strikes(site, act)), None)
        how = struck.how if struck else ""
        if site in self.down or how == "drop":
            raise ConnectionResetError("no answer")
        if struck and how == "refuse":
            return refused(struck.status)
        if how == "late":
            self._late.append(do)
            raise ConnectionResetError("the answer is late")
        if how == "kill before":
            self._end_run()
        answer = do()
        if how == "kill after":
            self._end_run()
        if how == "lose":
            raise ConnectionResetError("the answer was lost")
        return answer

    def _end_run(self) -> None:
        self.killed = True
        self._kill()
        raise ConnectionResetError("the caller is dead")


def act_at_authentik(request: Request, credential: str) -> str:
    """What a request asks of Authentik."""
    parts = request.path.removeprefix("/api/v3/core/").strip("/").split("/")
    if parts[0] == "users":
        ours = request.headers.get("authorization") == f"Bearer {credential}"
        return ("greet" if ours else "probe") if parts[1:] == ["me"] else "look up user"
    if len(parts) == 1:
        return {"GET": "list", "POST": "mint"}.get(request.method, "other")
    if parts[-1] == "view_key":
        return "read key"
    return {"GET": "find", "DELETE": "revoke"}.get(request.method, "other")


def act_at_vault(request: Request, credential: str) -> str:
    """What a request asks of Vault."""
    path = request.path.removeprefix("/v1/auth/token/")
    if path == "lookup-self":
        return "greet" if request.headers.get("x-vault-token") == credential else "probe"
    names = {"lookup-accessor": "find", "renew-accessor": "extend", "revoke-accessor": "revoke"}
    return "mint" if path.startswith("create/") else names.get(path, "other")


def act_at_cluster(request: Request) -> str:
    """What a request asks of the Kubernetes API; a dry run is none of the acts."""
    parts = request.path.strip("/").split("/")
    kind = parts[4] if len(parts) > 4 else ""
    if "dryRun" in request.query:
        return "other"
    if kind == "configmaps":
        return "read receipts" if request.method == "GET" else "write receipt"
    if kind == "secrets":
        return {"GET": "look", "DELETE": "unpublish"}.get(request.method, "publish")
    return "other"
