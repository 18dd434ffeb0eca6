"""Files, template versions with their jobs, and templates of the simulated Coder.

The traps: only a plain tar or a zip is read, whatever the content type says; a version is built by a job that is to be
polled; a template made of a version is active at once, also while its job runs; a promotion wants a build that
succeeded, and names the version `id`; a name given twice surfaces as a 500.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import Call, missing, refused, written
from sandbox.apis.coder_records import Template, Version
from sandbox.apis.coder_users import require_organization

_CAP = 100 * 1024 * 1024
_TYPES = ("application/x-tar", "application/zip")
_VARIABLE = re.compile(r'variable\s+"(?P<name>\w+)"\s*\{(?P<body>[^}]*)\}')


def upload(call: Call) -> Response:
    """Keep a file; the same content is the same file. What is in it is not looked at here."""
    call.require_templates()
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    if headers.get("content-type", "") not in _TYPES:
        raise refused(400, f"Unsupported content type header {headers.get('content-type', '')!r}.")
    if len(call.request.body) > _CAP:
        raise refused(413, "Request body too large.")
    digest = hashlib.sha256(call.request.body).hexdigest()
    for id_, (known, _content) in call.store.files.items():
        if known == digest:
            return json_response(200, {"hash": id_})
    id_ = call.store.new_id()
    call.store.files[id_] = (digest, call.request.body)
    return json_response(201, {"hash": id_})


def create_version(call: Call) -> Response:
    """A version whose job begins; of a template, or of none yet."""
    require_organization(call)
    call.require_templates()
    body = call.body()
    if body.get("example_id") and body.get("file_id"):
        raise refused(400, "You cannot specify both an example_id and a file_id.")
    file = call.store.files.get(str(body.get("file_id")))
    if file is None:
        raise refused(404, "File not found.")
    template = str(body.get("template_id") or "")
    if template and template not in call.store.templates:
        raise refused(404, "Template does not exist.")
    name = str(body.get("name") or call.store.word(12))
    if any(version.name == name and version.template == template for version in call.store.versions.values()):
        raise refused(
            500, "Internal error creating template version.", "duplicate key value violates unique constraint"
        )
    values = {item["name"]: item["value"] for item in body.get("user_variable_values") or []}
    version = Version(call.store.new_id(), name, file[1], str(body.get("message") or ""), values, call.now, template)
    call.store.versions[version.id] = version
    return json_response(201, shown(version))


def read_version(call: Call) -> Response:
    """A version; each look lets its job go on a step."""
    version = _version(call)
    _go_on(version, call.limits.job_polls)
    return json_response(200, shown(version))


def cancel(call: Call) -> Response:
    """Stop its job."""
    call.require_templates()
    version = _version(call)
    if version.is_done:
        raise refused(412, "Job has already completed!")
    version.status = "canceled"
    return json_response(200, {"message": "Job has been marked as canceled..."})


def archive(call: Call) -> Response:
    """Take a version out of the list; never the active one."""
    call.require_templates()
    version = _version(call)
    if any(template.active == version.id for template in call.store.templates.values()):
        raise refused(400, "Template version is in use and cannot be archived.")
    if not version.is_done:
        raise refused(412, "Template version job hasn't completed!")
    if version.archived:
        raise refused(400, "Template version is already archived.")
    version.archived = True
    return json_response(200, {"message": "Template version archived successfully."})


def unarchive(call: Call) -> Response:
    """Put it back into the list."""
    call.require_templates()
    version = _version(call)
    if not version.archived:
        raise refused(400, "Template version is not archived.")
    version.archived = False
    return json_response(200, {"message": "Template version unarchived successfully."})


def create_template(call: Call) -> Response:
    """A template of a version, which becomes active whatever its job is doing."""
    require_organization(call)
    call.require_templates()
    body = call.body()
    name = str(body.get("name") or "")
    if not re.fullmatch(r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*", name) or len(name) > 32:
        raise refused(400, "Validation failed.", name='Validation failed for tag "template_name".')
    if len(str(body.get("description") or "")) >= 128:
        raise refused(400, "Validation failed.", description='Validation failed for tag "lt".')
    if any(template.name == name for template in call.store.templates.values()):
        raise refused(409, f'Template with name "{name}" already exists.', name="already in use")
    version = call.store.versions.get(str(body.get("template_version_id")))
    if version is None:
        raise refused(404, f"Template version {body.get('template_version_id')!r} does not exist.")
    if version.archived:
        raise refused(400, f"Template version {version.id} is archived.")
    if version.template:
        raise refused(400, f"Template version {version.id} is already part of a template.")
    given: dict[str, object] = {key: body[key] for key in ("display_name", "description", "icon") if key in body}
    template = Template(call.store.new_id(), name, version.id, call.now, given)
    version.template = template.id
    call.store.templates[template.id] = template
    return json_response(201, _shown_template(call, template))


def template_by_name(call: Call) -> Response:
    """One template by its name."""
    require_organization(call)
    for template in call.store.templates.values():
        if template.name.lower() == call.params["name"].lower():
            return json_response(200, _shown_template(call, template))
    raise missing()


def read_template(call: Call) -> Response:
    """One template by its id."""
    return json_response(200, _shown_template(call, _template(call)))


def patch_template(call: Call) -> Response:
    """Change what is told of it."""
    call.require_templates()
    template, body = _template(call), call.body()
    template.fields |= {key: body[key] for key in ("display_name", "description", "icon") if key in body}
    return json_response(200, _shown_template(call, template))


def delete_template(call: Call) -> Response:
    """Remove it with its versions."""
    call.require_templates()
    template = _template(call)
    del call.store.templates[template.id]
    for version in call.store.versions_of(template.id):
        del call.store.versions[version.id]
    return json_response(200, {"message": "Template has been deleted!"})


def versions(call: Call) -> Response:
    """The versions of a template, oldest first; archived ones only when asked for."""
    template = _template(call)
    found = call.store.versions_of(template.id)
    return json_response(200, [shown(one) for one in found if call.flag("include_archived") or not one.archived])


def version_by_name(call: Call) -> Response:
    """One version of a template by its name."""
    template = _template(call)
    for version in call.store.versions_of(template.id):
        if version.name == call.params["name"]:
            return json_response(200, shown(version))
    raise refused(404, f'No template version found by name "{call.params["name"]}".')


def promote(call: Call) -> Response:
    """Make a version active, by the field `id`."""
    call.require_templates()
    template = _template(call)
    version = call.store.versions.get(str(call.body().get("id")))
    if version is None:
        raise refused(404, "Template version not found.")
    if version.template != template.id:
        raise refused(400, "The provided template version doesn't belong to the specified template.")
    if version.status != "succeeded":
        raise refused(403, "Only versions that have been built successfully can be promoted.")
    if version.archived:
        raise refused(400, "The provided template version is archived.")
    template.active = version.id
    return json_response(200, {"message": "Updated the active template version!"})


def shown(version: Version) -> dict[str, Any]:
    """A version as the API tells of it, with its job."""
    job = {"id": version.id, "status": version.status, "error": version.error, "error_code": version.error_code}
    return {
        "id": version.id,
        "template_id": version.template or None,
        "name": version.name,
        "message": version.message,
        "created_at": written(version.created),
        "archived": version.archived,
        "job": {key: value for key, value in job.items() if value},
    }


def _go_on(version: Version, polls: int) -> None:
    if version.is_done:
        return
    version.polls += 1
    if version.polls < polls:
        version.status = "running"
        return
    if not version.error:
        version.error, version.error_code = _judged(version)
    version.status = "failed" if version.error else "succeeded"


def _judged(version: Version) -> tuple[str, str]:
    """What the provisioner finds wrong with the content; nothing where it is fine."""
    try:
        texts = dict(_files(version.content))
    except (tarfile.TarError, zipfile.BadZipFile, OSError):
        return "template import provision for start: extract archive: archive/tar: invalid tar header", ""
    sources = [text for name, text in texts.items() if name.endswith(".tf")]
    if not sources:
        return "template import provision for start: no Terraform files found in the archive", ""
    for match in _VARIABLE.finditer("\n".join(sources)):
        if "default" not in match["body"] and match["name"] not in version.variables:
            return f"required template variables need values: {match['name']}", "REQUIRED_TEMPLATE_VARIABLES"
    return "", ""


def _files(content: bytes) -> Iterator[tuple[str, str]]:
    """Names and texts; raises tarfile.TarError for what is neither a plain tar nor a zip."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name, archive.read(name).decode(errors="replace")
        return
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:  # never compressed
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None:
                yield member.name.removeprefix("./"), file.read().decode(errors="replace")


def _version(call: Call) -> Version:
    version = call.store.versions.get(call.params["version"])
    if version is None or not call.who.may_write_templates:
        raise missing()
    return version


def _template(call: Call) -> Template:
    assert call.who
    template = call.store.templates.get(call.params["template"])
    if template is None:
        raise missing()
    return template


def _shown_template(call: Call, template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "organization_id": call.store.organization,
        "name": template.name,
        "active_version_id": template.active,
        "created_at": written(template.created),
        "display_name": "",
        "description": "",
        "icon": "",
        **template.fields,
    }
