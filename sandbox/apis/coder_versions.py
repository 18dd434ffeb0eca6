"""Template versions of the simulated Coder and their jobs.

The traps: a job goes on only while somebody looks; what is no plain tar is refused when a version is made of it, not
when it is uploaded; a version of no template stands in no list and cannot be archived; nor can the active one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import TAKEN, Call, invalid, missing, refused, text_of, unreadable, written
from sandbox.apis.coder_files import root_module, texts_of, unset_variables
from sandbox.apis.coder_records import NO_ID, File, Version

_NAME = re.compile(r"[a-zA-Z0-9]+(?:[_.-][a-zA-Z0-9]+)*")
_LONGEST_NAME = 64
_PROVISIONERS = ("terraform", "echo")
_NOT_CREATED = "Internal error creating template version."
_NOT_ARCHIVED = (
    "Unable to archive specified version, the version is likely in use or currently set to the active version"
)


def create(call: Call) -> Response:
    """A version whose job begins; of a template, or of none yet. Its name is free in every other template."""
    call.require_organization()
    body = call.body()
    _validate(body)
    template = text_of(body, "template_id")
    if template and (template not in call.store.templates or call.store.templates[template].deleted):
        raise refused(404, "Template does not exist.")
    file = _file(call, body)
    _refuse_unreadable(file)
    if not call.who.may_write_templates:
        raise refused(500, _NOT_CREATED, "insert template version: unauthorized: rbac: forbidden")
    version = Version(
        call.store.new_id(),
        _free_name(call, template, text_of(body, "name")),
        file.content,
        text_of(body, "message"),
        _values(body),
        call.now,
        file=file.id,
        job=call.store.new_id(),
        template=template,
        doomed=call.store.doomed.pop(0) if call.store.doomed else "",
    )
    call.store.versions[version.id] = version
    return json_response(201, shown(version))


def read(call: Call) -> Response:
    """A version; each look lets its job go on a step, and one that was told to stop is seen stopping once."""
    version = _visible(call)
    if version.status == "canceling":
        answer = json_response(200, shown(version))
        version.status = "canceled"
        return answer
    _go_on(version, call.settings.job_polls)
    return json_response(200, shown(version))


def cancel(call: Call) -> Response:
    """Stop its job: one that waits is canceled at once, one that runs has yet to end."""
    call.require_writer()
    version = _visible(call)
    if version.is_done:
        raise refused(412, "Job has already completed!")
    if version.status == "canceling":
        raise refused(412, "Job has already been marked as canceled!")
    version.status = "canceled" if version.status == "pending" else "canceling"
    return json_response(200, {"message": "Job has been marked as canceled..."})


def archive(call: Call) -> Response:
    """Take a version out of its template's list; never the active one, nor one whose job is going on."""
    version = _archivable(call, wanted=True)
    active = call.store.templates[version.template].active
    if version.id == active or version.status in {"pending", "running"}:
        raise refused(500, "Internal error fetching template version.", _NOT_ARCHIVED)
    version.archived = True
    return json_response(200, f'template version "{version.id}" archived')


def unarchive(call: Call) -> Response:
    """Put it back into the list."""
    version = _archivable(call, wanted=False)
    version.archived = False
    return json_response(200, f'template version "{version.id}" unarchived')


def shown(version: Version) -> dict[str, Any]:
    """A version as the API tells of it, with its job. That of no template has the id of nothing as its template."""
    job = {
        "id": version.job,
        "created_at": written(version.created),
        "status": version.status,
        "file_id": version.file,
        "error": version.error,
        "error_code": version.error_code,
    }
    return {
        "id": version.id,
        "template_id": version.template or NO_ID,
        "name": version.name,
        "message": version.message,
        "created_at": written(version.created),
        "archived": version.archived,
        "job": {key: value for key, value in job.items() if value},
    }


def _validate(body: Mapping[str, Any]) -> None:
    """What is checked before anything is looked up."""
    wrong = {}
    name = text_of(body, "name")
    if name and (not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME):
        wrong["name"] = f'Validation failed for tag "template_version_name" with value: "{name}"'
    if text_of(body, "storage_method") != "file":
        wrong["storage_method"] = 'Validation failed for tag "oneof"'
    if text_of(body, "provisioner") not in _PROVISIONERS:
        wrong["provisioner"] = 'Validation failed for tag "oneof"'
    if not text_of(body, "file_id") and not text_of(body, "example_id"):
        wrong["file_id"] = 'Validation failed for tag "required_without"'
    if wrong:
        raise invalid(**wrong)


def _file(call: Call, body: Mapping[str, Any]) -> File:
    """One's own file, or for who writes templates anybody's."""
    if text_of(body, "example_id"):
        if text_of(body, "file_id"):
            raise refused(400, "You cannot specify both an example_id and a file_id.")
        raise refused(400, "Example not found.")
    file = call.store.files.get(text_of(body, "file_id"))
    if file is None or not (file.owner is call.who or call.who.may_write_templates):
        raise refused(404, "File not found.")
    return file


def _refuse_unreadable(file: File) -> None:
    try:
        texts_of(file.content)
    except ValueError as problem:
        detail = f"extract archive to tempdir: untar: {problem}"
        raise refused(500, "Internal error checking workspace tags", detail) from None


def _free_name(call: Call, template: str, asked: str) -> str:
    """The name that was asked for, or one that is found. Versions of no template may be called alike."""
    if asked and template and any(version.name == asked for version in call.store.versions_of(template)):
        raise refused(409, f'A template version with name "{asked}" already exists for this template.', name=TAKEN)
    return asked or call.store.word(12)


def _values(body: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {str(item["name"]): str(item["value"]) for item in body.get("user_variable_values") or []}
    except (KeyError, TypeError):
        raise unreadable("json: cannot unmarshal into Go struct field .user_variable_values") from None


def _visible(call: Call) -> Version:
    """Everybody sees the versions of a template; those of none are seen by who writes templates."""
    version = call.at("version", call.store.versions)
    if not version.template and not call.who.may_write_templates:
        raise missing()
    return version


def _archivable(call: Call, *, wanted: bool) -> Version:
    call.require_writer()
    version = _visible(call)
    if version.archived == wanted:
        raise refused(400, f"Template version already {'archived' if wanted else 'unarchived'}")
    if not version.template:
        raise refused(400, "Cannot archive template versions not associate with a template.")
    return version


def _go_on(version: Version, polls: int) -> None:
    if version.is_done:
        return
    version.looks += 1
    if version.looks < polls:
        version.status = "running"
        return
    version.error, version.error_code = _judged(version)
    version.status = "failed" if version.error else "succeeded"


def _judged(version: Version) -> tuple[str, str]:
    """Error and code of what a provisioner finds wrong; empty where it finds nothing."""
    if version.doomed:
        return version.doomed, ""
    texts = texts_of(version.content)
    if not root_module(texts):
        return "template import provision for start: terraform plan: exit status 1", ""
    unset = unset_variables(texts, version.variables)
    if unset:
        return f"required template variables need values: {', '.join(unset)}", "REQUIRED_TEMPLATE_VARIABLES"
    return "", ""
