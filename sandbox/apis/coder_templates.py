"""Templates of the simulated Coder.

The traps: a template made of a version has it active at once, also while its job runs; a promotion wants a build that
succeeded, and names the version `id`; older servers reset what a change does not name, or say that nothing changed.
"""

from __future__ import annotations

from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import TAKEN, Call, invalid, is_name, missing, refused, text_of, written
from sandbox.apis.coder_records import Template, Version
from sandbox.apis.coder_versions import shown as shown_version

_FIRST: dict[str, object] = {
    "display_name": "",
    "description": "",
    "icon": "",
    "default_ttl_ms": 0,
    "activity_bump_ms": 3_600_000,
    "allow_user_autostart": True,
    "allow_user_autostop": True,
    "allow_user_cancel_workspace_jobs": False,
}
_LONGEST_DESCRIPTION = 127


def create(call: Call) -> Response:
    """A template of a version, which becomes active whatever its job is doing."""
    call.require_organization()
    body = call.body()
    name = text_of(body, "name")
    _validate(name, text_of(body, "description"))
    if call.store.named_template(name):
        raise _taken(name)
    version = _unused(call, text_of(body, "template_version_id"))
    template = Template(call.store.new_id(), name, version.id, call.now, {**_FIRST, **_told(body)})
    version.template = template.id
    call.store.templates[template.id] = template
    return json_response(201, _shown(call, template))


def by_name(call: Call) -> Response:
    """One template by its name."""
    call.require_organization()
    template = call.store.named_template(call.params["name"])
    if template is None:
        raise missing()
    return json_response(200, _shown(call, template))


def read(call: Call) -> Response:
    """One template by its id."""
    return json_response(200, _shown(call, _template(call)))


def change(call: Call) -> Response:
    """Change its name and what is told of it."""
    call.require_writer()
    template, body = _template(call), call.body()
    name, fields = text_of(body, "name"), {**_kept(call, template), **_told(body)}
    if call.settings.patches_whole and name == template.name and fields == template.fields:
        return Response(304)
    other = call.store.named_template(name)
    if other is not None and other is not template:
        raise _taken(name)
    template.name, template.fields = name or template.name, fields
    return json_response(200, _shown(call, template))


def delete(call: Call) -> Response:
    """Nobody finds it any more, and its name is free; its versions are still there by their ids."""
    call.require_writer()
    _template(call).deleted = True
    return json_response(200, {"message": "Template has been deleted!"})


def versions(call: Call) -> Response:
    """The versions of a template, oldest first; archived ones only when asked for."""
    found = call.store.versions_of(_template(call).id)
    with_archived = call.flag("include_archived")
    return json_response(200, [shown_version(one) for one in found if with_archived or not one.archived])


def version_by_name(call: Call) -> Response:
    """One version of a template by its name, archived or not."""
    name = call.params["name"]
    for version in call.store.versions_of(_template(call).id):
        if version.name == name:
            return json_response(200, shown_version(version))
    raise refused(404, f'No template version found by name "{name}".')


def promote(call: Call) -> Response:
    """Make a version active, by the field `id`."""
    call.require_writer()
    template = _template(call)
    asked = text_of(call.body(), "id")
    if not asked:
        raise invalid(id='Validation failed for tag "required"')
    version = call.store.versions.get(asked)
    if version is None:
        raise refused(404, "Template version not found.")
    if version.template != template.id:
        raise refused(400, "The provided template version doesn't belong to the specified template.")
    if version.status != "succeeded":
        detail = f"Attempted to promote a version with a {version.status} build"
        raise refused(403, "Only versions that have been built successfully can be promoted.", detail)
    if version.archived:
        raise refused(400, "The provided template version is archived.")
    template.active = version.id
    return json_response(200, {"message": "Updated the active template version!"})


def _validate(name: str, description: str) -> None:
    if not is_name(name):
        raise invalid(name=f'Validation failed for tag "template_name" with value: "{name}"')
    if len(description) > _LONGEST_DESCRIPTION:
        raise invalid(description='Validation failed for tag "lt"')


def _unused(call: Call, asked: str) -> Version:
    """The version that a template can be made of."""
    version = call.store.versions.get(asked)
    if version is None or not call.who.may_write_templates:
        absent = "Template version does not exist"
        raise refused(404, f'Template version "{asked}" does not exist.', template_version_id=absent)
    if version.archived:
        raise refused(400, f"Template version {asked} is archived.", template_version_id="Template version is archived")
    if version.template:
        used = "Template version is already part of a template"
        raise refused(400, f"Template version {asked} is already part of a template", template_version_id=used)
    return version


def _template(call: Call) -> Template:
    template = call.at("template", call.store.templates)
    if template.deleted:
        raise missing()
    return template


def _taken(name: str) -> Exception:
    return refused(409, f'Template with name "{name}" already exists.', name=TAKEN)


def _told(body: dict[str, Any]) -> dict[str, object]:
    return {name: body[name] for name in _FIRST if body.get(name) is not None}


def _kept(call: Call, template: Template) -> dict[str, object]:
    """What a change leaves: all that it does not name, or on an older server nothing."""
    if not call.settings.patches_whole:
        return template.fields
    return {name: type(value)() for name, value in _FIRST.items()}


def _shown(call: Call, template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "organization_id": call.store.organization,
        "name": template.name,
        "active_version_id": template.active,
        "created_at": written(template.created),
        **template.fields,
    }
