"""One deployment: upload, build, poll, and only then promote. What fails leaves nothing of itself to be used.

Facts this file rests on (Coder 2): a template that is made of a version makes it active at once, whatever its job is
doing, so that the version is built first; only a version that was built can be promoted; a name given twice is a 500.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from rotation.backends.api_client import ApiClient, understood
from rotation.clock import Clock
from rotation.durations import format_duration
from rotation.errors import BackendError, NotFound, Refused, Unavailable
from rotation.templates.archive import Archive

_ROOT = "/api/v2"
_WORKING = frozenset({"pending", "running", "canceling"})
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
_STAMP = "%Y%m%d%H%M%S"
_SHOWN = 200
_TOLD = 12
"""So many digits of its digest stand in a version's name."""
_TOLD_FIELDS = ("display_name", "description", "icon")


@dataclass(frozen=True)
class Wanted:
    """A template as the config wants it. `variables` may hold secrets."""

    name: str
    organization: str = "default"
    display_name: str = ""
    description: str = ""
    icon: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    time_limit: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Deployed:
    """What is active now."""

    template: str
    version: str
    name: str
    job_seconds: float = 0.0


def digest_of(wanted: Wanted, archive: Archive) -> str:
    """What a version is made of: the files and the variables, in hexadecimal."""
    if not wanted.variables:
        return archive.digest
    return hashlib.sha256(f"{archive.digest}{json.dumps(wanted.variables, sort_keys=True)}".encode()).hexdigest()


class Templates:
    """Deploys to one server with one credential. Raises BackendError; errors name step, cause and remedy.

    sleep: lets time pass while a job works, in seconds
    """

    def __init__(self, client: ApiClient, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep

    def active(self, wanted: Wanted) -> Deployed | None:
        """What is active at the server; None where there is no such template."""
        act = "look up the template"
        try:
            answer = self._client.read(act, f"{self._organization(wanted)}/templates/{quote(wanted.name)}")
        except NotFound:
            return None
        with understood(act, self._client.backend):
            told = answer.json()
            template, version = str(told["id"]), str(told["active_version_id"])
        return Deployed(template, version, self._version(version)["name"])

    def deploy(self, wanted: Wanted, archive: Archive) -> Deployed:
        """Build this content as a version and make it active; one that was built of it before is made active again."""
        before, digest = self.active(wanted), digest_of(wanted, archive)
        known = self._built(before.template, digest) if before else None
        if before and known:
            self._promote(before.template, known.version)
            return known
        name = f"{self._clock().strftime(_STAMP)}-{digest[:_TOLD]}"
        version = self._create_version(wanted, archive, name, before)
        began = self._clock()
        try:
            self._await_job(wanted, version)
            seconds = (self._clock() - began).total_seconds()
            template = self._promote(before.template, version) if before else self._create(wanted, version)
        except BackendError:
            self._leave_nothing(version)
            raise
        return Deployed(template, version, name, round(seconds, 1))

    def roll_back(self, wanted: Wanted, name: str) -> Deployed:
        """Make an earlier version active again, by its name; nothing is uploaded."""
        before, act = self.active(wanted), "look up the version"
        if before is None:
            raise Refused("roll back", f"there is no template {wanted.name}", "Deploy it first: leave `active` out.")
        if before.name == name:
            return before
        try:
            answer = self._client.read(act, f"{_ROOT}/templates/{before.template}/versions/{quote(name)}")
        except NotFound:
            remedy = "Name one of the versions that the template's page shows."
            raise Refused("roll back", f"{wanted.name} has no version {name}", remedy) from None
        with understood(act, self._client.backend):
            version = str(answer.json()["id"])
        return Deployed(self._promote(before.template, version), version, name)

    def _built(self, template: str, digest: str) -> Deployed | None:
        """The newest version that was built of this content and is not archived."""
        act = "list the versions"
        answer = self._client.read(act, f"{_ROOT}/templates/{template}/versions")
        with understood(act, self._client.backend):
            for told in reversed(answer.json() or []):
                fits = str(told["name"]).endswith(f"-{digest[:_TOLD]}") and told["job"]["status"] == "succeeded"
                if fits and not told.get("archived"):
                    return Deployed(template, str(told["id"]), str(told["name"]))
        return None

    def tell(self, wanted: Wanted, template: str) -> None:
        """Write what is told of a template beside its content."""
        payload = {name: getattr(wanted, name) for name in _TOLD_FIELDS}
        self._client.ask_by("PATCH", "describe the template", f"{_ROOT}/templates/{template}", payload)

    def _create_version(self, wanted: Wanted, archive: Archive, name: str, before: Deployed | None) -> str:
        act = "upload the template"
        uploaded = self._client.upload(act, f"{_ROOT}/files", archive.content, "application/x-tar")
        with understood(act, self._client.backend):
            file = str(uploaded.json()["hash"])
        payload: dict[str, Any] = {
            "name": name,
            "message": f"token-rotation: {archive.files} files, {archive.digest[:12]}",
            "storage_method": "file",
            "file_id": file,
            "provisioner": "terraform",
            "tags": {},
            "user_variable_values": [{"name": key, "value": text} for key, text in sorted(wanted.variables.items())],
            **({"template_id": before.template} if before else {}),
        }
        act = "create a version"
        try:
            answer = self._client.write(act, "POST", f"{self._organization(wanted)}/templateversions", payload)
        except Unavailable:
            found = self._lost(before, name)
            if found is None:
                raise
            return found
        with understood(act, self._client.backend):
            return str(answer.json()["id"])

    def _lost(self, before: Deployed | None, name: str) -> str | None:
        """The version whose answer was lost, by its name. One of no template yet is nobody's: it is in no list."""
        if before is None:
            return None
        with suppress(BackendError):
            answer = self._client.read("look up the version", f"{_ROOT}/templates/{before.template}/versions/{name}")
            return str(answer.json()["id"])
        return None

    def _await_job(self, wanted: Wanted, version: str) -> None:
        began, wait = self._clock(), _FIRST_WAIT
        while True:
            job = self._version(version)["job"]
            if job["status"] not in _WORKING:
                break
            if self._clock() - began >= wanted.time_limit:
                cause = f"its job was not done within {format_duration(wanted.time_limit)}"
                raise Unavailable("build", cause, "It was cancelled. See the provisioners, or raise `time_limit`.")
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        if job["status"] != "succeeded":
            raise Refused("build", _why(job), "Correct the template's files; the active version was left as it is.")

    def _version(self, version: str) -> dict[str, Any]:
        act = "look at the version"
        answer = self._client.read(act, f"{_ROOT}/templateversions/{version}")
        with understood(act, self._client.backend):
            told: dict[str, Any] = answer.json()
            return {"name": str(told["name"]), "job": {"status": str(told["job"]["status"]), **told["job"]}}

    def _promote(self, template: str, version: str) -> str:
        self._client.ask_by("PATCH", "promote the version", f"{_ROOT}/templates/{template}/versions", {"id": version})
        return template

    def _create(self, wanted: Wanted, version: str) -> str:
        act = "create the template"
        payload = {"name": wanted.name, "template_version_id": version}
        payload |= {name: getattr(wanted, name) for name in _TOLD_FIELDS if getattr(wanted, name)}
        try:
            answer = self._client.write(act, "POST", f"{self._organization(wanted)}/templates", payload)
        except Unavailable:
            made = self.active(wanted)  # the answer was lost, and the version is ours
            if made is None or made.version != version:
                raise
            return made.template
        with understood(act, self._client.backend):
            return str(answer.json()["id"])

    def _leave_nothing(self, version: str) -> None:
        """Cancel what works, and archive what failed: it is in no list then, and cannot be promoted."""
        root = f"{_ROOT}/templateversions/{version}"
        with suppress(BackendError):
            self._client.write("cancel the build", "PATCH", f"{root}/cancel")
        with suppress(BackendError):
            self._client.write("archive the version", "POST", f"{root}/archive")

    def _organization(self, wanted: Wanted) -> str:
        return f"{_ROOT}/organizations/{quote(wanted.organization)}"


def _why(job: Mapping[str, Any]) -> str:
    error, code = str(job.get("error") or f"its job is {job['status']}"), str(job.get("error_code") or "")
    return " ".join(error.split())[:_SHOWN] + (f" ({code})" if code else "")
