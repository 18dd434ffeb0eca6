"""A simulated Coder with a clock that is moved by hand, and short ways to call it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rotation.backends.transport import Request, Response, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder

PASSWORD = "correct-Horse-7-staple"
MAIN = 'resource "null_resource" "x" {}\n'
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class CoderWorld:
    """One server with an Owner `root`, a Template Admin `maker` and a member `ann`; calls are the Owner's."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1, **options)
        self.server.add_user("root", password=PASSWORD)
        self.server.add_user("maker", roles=("template-admin",))
        self.server.add_user("ann", roles=())
        lifetime = timedelta(days=4000)
        self.values = {name: self.server.issue(name, "own", lifetime=lifetime) for name in ("root", "maker", "ann")}

    def call(self, method: str, path: str, body: object = None, *, by: str = "root", **query: str) -> Response:
        """As one of the users by name, or with a value."""
        headers = {"coder-session-token": self.values.get(by, by)}
        return self.server.handle(json_request(method, f"/api/v2{path}", body, query=query, headers=headers))

    def mint(self, name: str, *, user: str = "me", by: str = "root", **fields: Any) -> str:
        """The value of a new token."""
        answer = self.call("POST", f"/users/{user}/keys/tokens", {"token_name": name, **fields}, by=by)
        assert answer.status == 201, answer.body
        return str(answer.json()["key"])

    def row(self, value: str) -> dict[str, Any]:
        """What is told of a token, by a call of the Owner."""
        return dict(self.call("GET", f"/users/me/keys/{id_of(value)}").json())

    def names(self, *, by: str = "root", **query: str) -> list[str] | None:
        """The names in a listing of one's own tokens, without the one that asks; None for `null`."""
        rows = self.call("GET", "/users/me/keys/tokens", by=by, **query).json()
        return rows and [f"{row['username']}/{row['token_name']}" for row in rows if row["token_name"] != "own"]

    def upload(self, content: bytes, *, kind: str = "application/x-tar", by: str = "maker") -> Response:
        headers = {"coder-session-token": self.values[by], "content-type": kind}
        return self.server.handle(Request("POST", "/api/v2/files", {}, headers, content))

    def ask_version(self, content: bytes = b"", *, by: str = "maker", **fields: Any) -> Response:
        """A version of an upload; of a plain tar with one file where nothing is given."""
        file = self.upload(content or a_tar({"main.tf": MAIN}), by=by).json()["hash"]
        wanted = {"storage_method": "file", "file_id": file, "provisioner": "terraform", **fields}
        return self.call("POST", "/organizations/default/templateversions", wanted, by=by)

    def version(self, content: bytes = b"", **fields: Any) -> str:
        """The id of a version whose job waits."""
        answer = self.ask_version(content, **fields)
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])

    def job(self, version: str) -> dict[str, Any]:
        """What one look shows of its job."""
        return dict(self.call("GET", f"/templateversions/{version}", by="maker").json()["job"])

    def built(self, content: bytes = b"", **fields: Any) -> str:
        """The id of a version whose job has ended."""
        version = self.version(content, **fields)
        while self.job(version)["status"] in {"pending", "running"}:
            pass
        return version

    def template(self, name: str = "docker", version: str = "", **fields: Any) -> str:
        """The id of a new template."""
        wanted = {"name": name, "template_version_id": version or self.built(), **fields}
        answer = self.call("POST", "/organizations/default/templates", wanted, by="maker")
        assert answer.status == 201, answer.body
        return str(answer.json()["id"])


def id_of(value: str) -> str:
    """The part of a value that may be told."""
    return value.partition("-")[0]


def told(answer: Response) -> tuple[int, str]:
    """Status and message of a refusal."""
    return answer.status, str(answer.json()["message"])


def a_tar(files: Mapping[str, str], mode: str = "w") -> bytes:
    """An archive; a mode such as `w:gz` compresses it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()
