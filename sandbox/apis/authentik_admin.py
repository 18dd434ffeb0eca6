"""`/admin/` and `/events/` of the simulated Authentik: tenant settings, version, audit log."""

from __future__ import annotations

from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.authentik_calls import Call, Listing, invalid
from sandbox.apis.authentik_records import Event, duration, rest_time

VERSION = "2026.5.6"


def _in_model(key: str, event: Event, wanted: str) -> bool:
    return any(isinstance(part, dict) and part.get(key) == wanted for part in event.context.values())


LISTING = Listing(
    filters={
        "action": lambda event, wanted: wanted.lower() in event.action,
        "username": lambda event, wanted: event.username == wanted,
        "context_model_pk": lambda event, wanted: _in_model("pk", event, wanted),
        "context_model_name": lambda event, wanted: _in_model("model_name", event, wanted),
        "context_model_app": lambda event, wanted: _in_model("app", event, wanted),
    },
    searched=lambda event: (event.pk, event.username, event.action, str(event.context)),
    orders={"created": lambda event: event.created, "action": lambda event: event.action},
    default_order="-created",
)


def version(_call: Call) -> Response:
    return json_response(
        200,
        {
            "version_current": VERSION,
            "version_latest": VERSION,
            "version_latest_valid": True,
            "build_hash": "",
            "outdated": False,
            "outpost_outdated": False,
        },
    )


def read_settings(call: Call) -> Response:
    call.require("authentik_rbac.view_system_settings")
    return json_response(200, vars(call.store.settings))


def put_settings(call: Call) -> Response:
    call.require("authentik_rbac.edit_system_settings")
    if "flags" not in call.fields():
        raise invalid("flags", "This field is required.")
    return patch_settings(call)


def patch_settings(call: Call) -> Response:
    """Changes what tokens made or updated from now on get; what is there keeps its expiry."""
    call.require("authentik_rbac.edit_system_settings")
    fields, settings = call.fields(), call.store.settings
    text = fields.text("default_token_duration", settings.default_token_duration)
    try:
        duration(text)
    except ValueError:
        problem = f"{text} is not in the correct format of 'hours=3;minutes=1'."
        raise invalid("default_token_duration", problem) from None
    settings.default_token_duration = text
    for name in ("default_token_length", "pagination_default_page_size", "pagination_max_page_size"):
        setattr(settings, name, _positive_number(fields.body.get(name, getattr(settings, name)), name))
    return json_response(200, vars(settings))


def list_events(call: Call) -> Response:
    call.require("authentik_events.view_event")
    return LISTING.answer(call, list(call.store.events), render)


def render(event: Event) -> dict[str, Any]:
    return {
        "pk": event.pk,
        "user": {"username": event.username},
        "action": event.action,
        "app": "authentik.core",
        "context": event.context,
        "created": rest_time(event.created),
    }


def _positive_number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(name, "A valid integer is required.")
    if value < 1:
        raise invalid(name, "Ensure this value is greater than or equal to 1.")
    return value
