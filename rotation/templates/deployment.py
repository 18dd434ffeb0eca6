"""One deployment: upload, build, poll, and only then promote. What fails leaves nothing of itself to be used.

Facts this file rests on (Coder 2): a template that is made of a version makes it active at once, whatever its job is
doing, so that the version is built first; only a version that was built can be promoted; a name given twice is a 409,
on older servers a 500; only a version of a template can be archived, and one of none stands in nobody's list; a change
of what is told of a template resets, on older servers, whatever it does not name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from rotation.backends.api_client import ApiClient, understood
from rotation.clock import Clock
from rotation.durations import format_duration
from rotation.errors import BackendError, Conflict, NotFound, Refused, Unauthorised, Unavailable
from rotation.templates.archive import Archive

_ROOT = "/api/v2"
_WORKING = frozenset({"pending", "running", "canceling"})
_BUILT = "succeeded"
_FORBIDDEN = "rbac: forbidden"
"""What a server says, with a 500, to who may not write templates."""
_LACKS_VALUES = "REQUIRED_TEMPLATE_VARIABLES"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
"""Between two looks at a job, in seconds."""
_STAMP = "%Y%m%d%H%M%S"
_SHOWN = 200
_TOLD_FIELDS = ("display_name", "description", "icon")


@dataclass(frozen=True)
class Wanted:
    """A template as the config wants it. `time_limit` is for the build."""

    name: str
    organization: str = "default"
    display_name: str = ""
    description: str = ""
    icon: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    time_limit: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Active:
    """A template at the server and its active version, by their ids."""

    template: str
    version: str


@dataclass(frozen=True)
class Deployed:
    """What is active now. `job_seconds` is None where nothing was built for it: it had been before."""

    template: str
    version: str
    name: str
    job_seconds: float | None = None


def digest_of(wanted: Wanted, archive: Archive) -> str:
    """What a version is made of: the files and the variables, in hexadecimal."""
    if not wanted.variables:
        return archive.digest
    return hashlib.sha256(f"{archive.digest}{json.dumps(wanted.variables, sort_keys=True)}".encode()).hexdigest()


class Templates:
    """Deploys to one server with one credential. Raises BackendError: step, cause and remedy.

    A step is written to be read before `the template NAME`, which whoever calls adds.

    sleep: lets time pass while a job works, in seconds
    """

    def __init__(self, client: ApiClient, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep

    def active(self, wanted: Wanted) -> Active | None:
        """What is active at the server, by one question; None where there is no such template."""
        act = "look up"
        try:
            answer = self._client.read(act, f"{self._organization(wanted)}/templates/{quote(wanted.name)}")
        except NotFound:
            return None
        with understood(act, self._client.backend):
            told = answer.json()
            return Active(str(told["id"]), str(told["active_version_id"]))

    def name_of(self, version: str) -> str:
        """The name of a version, by its id."""
        with understood("look at a version of", self._client.backend):
            return str(self._version(version)["name"])

    def deploy(self, wanted: Wanted, archive: Archive) -> Deployed:
        """Build this content as a version and make it active; one that was built of it before is made active again."""
        before, digest = self.active(wanted), digest_of(wanted, archive)
        known = self._made_of(before.template, digest) if before else {}
        if before and _BUILT in known:
            return self._made_active(before, known[_BUILT])
        going_on = known.get("running") or known.get("pending")
        if going_on:  # begun by a run that was killed meanwhile
            version, name = going_on.version, going_on.name
        else:
            name = f"{self._clock().strftime(_STAMP)}-{digest[:8]}"
            version = self._create_version(wanted, archive, name, before)
        began = self._clock()
        try:
            self._await_job(wanted, version)
            seconds = (self._clock() - began).total_seconds()
            template = self._promote(before.template, version) if before else self._create(wanted, version)
        except BackendError as error:
            self._leave_nothing(error, version, name, before)
            raise
        return Deployed(template, version, name, round(seconds, 1))

    def roll_back(self, wanted: Wanted, name: str) -> Deployed:
        """Make an earlier version active again, by its name; nothing is uploaded."""
        before, act = self.active(wanted), "roll back"
        if before is None:
            raise self._refusal(act, f"there is no template {wanted.name}", "Deploy it first: leave `active` out.")
        try:
            answer = self._client.read(act, f"{_ROOT}/templates/{before.template}/versions/{quote(name, safe='')}")
        except NotFound:
            remedy = "Name one of the versions that the template's page shows."
            raise self._refusal(act, f"{wanted.name} has no version {name}", remedy) from None
        with understood(act, self._client.backend):
            version, status = str(answer.json()["id"]), str(answer.json()["job"]["status"])
        if status != _BUILT:
            raise self._refusal(act, f"the build of {name} is {status}", "Name a version that was built.")
        return self._made_active(before, Deployed(before.template, version, name))

    def describe(self, wanted: Wanted, template: str, names: Iterable[str]) -> None:
        """Write what is told of a template beside its content: display_name, description or icon.

        What people set there stays: it is sent along.
        """
        ours = {name: getattr(wanted, name) for name in names}
        found = self._told_of(template)
        if found.items() >= ours.items():  # a server answers no change with a 304
            return
        try:
            self._client.ask_by("PATCH", "describe", f"{_ROOT}/templates/{template}", {**found, **ours})
        except Refused:  # of a repetition, whose first answer was lost
            if not self._told_of(template).items() >= ours.items():
                raise

    def _told_of(self, template: str) -> dict[str, Any]:
        answer = self._client.read("describe", f"{_ROOT}/templates/{template}")
        with understood("describe", self._client.backend):
            return dict(answer.json())

    def _made_active(self, before: Active, wanted: Deployed) -> Deployed:
        if wanted.version != before.version:
            self._promote(before.template, wanted.version)
        return wanted

    def _made_of(self, template: str, digest: str) -> dict[str, Deployed]:
        """The newest version of this content, by the state of its build; the list holds no archived one."""
        act = "list the versions of"
        answer = self._client.read(act, f"{_ROOT}/templates/{template}/versions")
        with understood(act, self._client.backend):
            ours = [told for told in answer.json() or [] if digest in str(told.get("message"))]
            return {str(told["job"]["status"]): Deployed(template, str(told["id"]), str(told["name"])) for told in ours}

    def _create_version(self, wanted: Wanted, archive: Archive, name: str, before: Active | None) -> str:
        act = "upload"
        uploaded = self._client.upload(act, f"{_ROOT}/files", archive.content, "application/x-tar")
        with understood(act, self._client.backend):
            file = str(uploaded.json()["hash"])
        payload: dict[str, Any] = {
            "name": name,
            "message": f"token-rotation: {archive.files} files, sha256 {digest_of(wanted, archive)}",
            "storage_method": "file",
            "file_id": file,
            "provisioner": "terraform",
            "tags": {},
            "user_variable_values": [{"name": key, "value": text} for key, text in sorted(wanted.variables.items())],
            **({"template_id": before.template} if before else {}),
        }
        act = "add a version to"
        try:
            answer = self._client.write(act, "POST", f"{self._organization(wanted)}/templateversions", payload)
        except NotFound:
            cause = f"there is no organization {wanted.organization} that we may see"
            raise self._refusal(act, cause, "Correct `organization`.") from None
        except (Conflict, Unavailable) as error:
            if _FORBIDDEN in error.cause:
                remedy = "Give the token's user the role Template Admin."
                raise Unauthorised(act, error.cause, remedy, backend=self._client.backend) from None
            found = self._lost(before, name)
            if not found:
                raise
            return found
        with understood(act, self._client.backend):
            return str(answer.json()["id"])

    def _lost(self, before: Active | None, name: str) -> str:
        """The version whose answer was lost, by its name. One of no template yet is nobody's: it is in no list."""
        if before is None:
            return ""
        with suppress(BackendError, LookupError, TypeError, ValueError):
            answer = self._client.read("look up a version of", f"{_ROOT}/templates/{before.template}/versions/{name}")
            return str(answer.json()["id"])
        return ""

    def _await_job(self, wanted: Wanted, version: str) -> None:
        began, wait = self._clock(), _FIRST_WAIT
        while (job := self._job(version)).get("status") in _WORKING:
            if self._clock() - began >= wanted.time_limit:
                cause = f"its job was not done within {format_duration(wanted.time_limit)}, and was cancelled"
                remedy = "See the server's provisioners, or raise `time_limit`."
                raise Unavailable("build", cause, remedy, backend=self._client.backend)
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        if job["status"] != _BUILT:
            raise self._refusal("build", *_why(job, hidden=self._client.credential))

    def _job(self, version: str) -> Mapping[str, Any]:
        with understood("build", self._client.backend):
            job: Mapping[str, Any] = self._version(version)["job"]
            return {**job, "status": str(job["status"])}

    def _version(self, version: str) -> Any:
        return self._client.read("look at a version of", f"{_ROOT}/templateversions/{version}").json()

    def _promote(self, template: str, version: str) -> str:
        self._client.ask_by("PATCH", "promote a version of", f"{_ROOT}/templates/{template}/versions", {"id": version})
        return template

    def _create(self, wanted: Wanted, version: str) -> str:
        act = "create"
        payload = {"name": wanted.name, "template_version_id": version}
        payload |= {name: getattr(wanted, name) for name in _TOLD_FIELDS if getattr(wanted, name)}
        try:
            answer = self._client.write(act, "POST", f"{self._organization(wanted)}/templates", payload)
        except (Conflict, Unavailable):
            made = self.active(wanted)  # the answer was lost: whose active version is ours is ours
            if made is None or made.version != version:
                raise
            return made.template
        with understood(act, self._client.backend):
            return str(answer.json()["id"])

    def _leave_nothing(self, error: BackendError, version: str, name: str, before: Active | None) -> None:
        """Cancel what works, and archive what failed: it is in no list then, and cannot be promoted."""
        root = f"{_ROOT}/templateversions/{version}"
        with suppress(BackendError):
            self._client.write("cancel the build of", "PATCH", f"{root}/cancel")
        if before is None:
            return
        try:
            self._client.write("archive a version of", "POST", f"{root}/archive")
        except BackendError as left:
            error.remedy += f" The version {name} could not be archived ({left.cause})."

    def _refusal(self, act: str, cause: str, remedy: str) -> Refused:
        return Refused(act, cause, remedy, backend=self._client.backend)

    def _organization(self, wanted: Wanted) -> str:
        return f"{_ROOT}/organizations/{quote(wanted.organization, safe='')}"


def _why(job: Mapping[str, Any], *, hidden: str) -> tuple[str, str]:
    """Why a job failed, and what to do. What is hidden goes before the cut, or a part of it would stay."""
    error, code = str(job.get("error") or f"its job is {job['status']}"), str(job.get("error_code") or "")
    shown = error.replace(hidden, "[credential]") if hidden else error
    cause = " ".join(shown.split())[:_SHOWN] + (f" ({code})" if code else "")
    repair = "Give them under `variables`" if code == _LACKS_VALUES else "Correct the template's files"
    return cause, f"{repair}; the active version was left as it is."
