"""The API server's refusals, in words for a person: which object, which act, the cause, the remedy.

The server's own sentences may quote what they refuse. So where the object holds secrets, a sentence is shown only if
the server says which field it is about and that field is not a secret one.
"""

from collections.abc import Iterator

from sandbox.plugins.errors import PluginError
from sandbox.plugins.kubernetes.kinds import Target
from sandbox.plugins.values import JsonObject, Path

_CONFLICT = "FieldManagerConflict"


def refusal(target: Target, act: str, status: int, answer: JsonObject, secrets: frozenset[Path]) -> PluginError:
    """The error for a Status document that came with an HTTP status of 400 or more."""
    reason = answer.get("reason") or f"HTTP {status}"
    cause = "; ".join(_causes(answer, secrets)) or _message(answer, secrets)
    return PluginError(f"{target} could not be {act}: {reason}: {cause}. {_remedy(status, answer)}")


def already_exists(target: Target, seconds: float) -> PluginError:
    """The error for creating what is there, after waiting for it to go."""
    return PluginError(
        f"{target} could not be created: it already exists, and did not go within {seconds:g} s. "
        "If the resource was renamed, give it an alias (aliases=); to adopt the object, import it (import_=); "
        f"to change only some of its fields use the {target.kind.name}Patch resource; to overwrite it set "
        "upsertExistingObjects on the provider. If this is the replacement of a changed Secret or ConfigMap, set "
        "enable_secret_mutable and enable_config_map_mutable on the provider, so that it is updated in place."
    )


def gone(target: Target) -> PluginError:
    """The error for updating what is no longer there."""
    return PluginError(
        f"{target} could not be updated: it is in the state but no longer in the cluster. "
        "Run `pulumi refresh`, and then `pulumi up` makes it anew."
    )


def not_gone(target: Target, seconds: float) -> PluginError:
    """The error for an object whose deletion does not end."""
    return PluginError(
        f"{target} could not be deleted: it is still there after {seconds:g} s. Something holds it: look at its "
        "finalizers, and whether the controller that ends them runs (for a Namespace, kube-controller-manager)."
    )


def unreachable(target: Target, act: str, kind_of_error: str) -> PluginError:
    """The error for a call without an answer. Whether it took effect is not known."""
    return PluginError(
        f"{target} could not be {act}: the API server gave no answer ({kind_of_error}). Check the provider's "
        "kubeconfig and context, and that the server runs; then run the same command again."
    )


def stopped(target: Target, act: str) -> PluginError:
    """The error for a wait that the engine ended."""
    return PluginError(f"{target} could not be {act}: the run was cancelled while it waited. Run it again.")


def _causes(answer: JsonObject, secrets: frozenset[Path]) -> Iterator[str]:
    for cause in (answer.get("details") or {}).get("causes") or []:
        field = str(cause.get("field", "")).lstrip(".")
        if cause.get("reason") == _CONFLICT or _is_public(field, secrets):
            yield f"{field}: {cause.get('message', '')}"
        else:
            yield f"{field or 'the object'}: {cause.get('reason', 'refused')} (no more is told, it may quote a value)"


def _message(answer: JsonObject, secrets: frozenset[Path]) -> str:
    if secrets:
        return "the API server's sentence is not shown, because it may quote a value"
    return str(answer.get("message", "no cause was given")).rstrip(".")


def _is_public(field: str, secrets: frozenset[Path]) -> bool:
    return not secrets or (bool(field) and not any(field.startswith(_root(path)) for path in secrets))


def _root(path: Path) -> str:
    """How every field path at or below a secret one begins, however the server writes its last step."""
    return ".".join(str(step) for step in path[: 2 if path[0] == "metadata" else 1])


def _remedy(status: int, answer: JsonObject) -> str:
    causes = (answer.get("details") or {}).get("causes") or []
    if any(cause.get("reason") == _CONFLICT for cause in causes):
        return (
            "Another field manager owns what is to change: let only one writer own it, or take it over with the "
            'annotation pulumi.com/patchForce: "true".'
        )
    return _REMEDIES.get(status, "Run the command again; if it stays, look at the API server's own log.")


_REMEDIES = {
    400: "Correct the field in the program; nothing was changed.",
    401: "Give the provider a kubeconfig whose credential is valid.",
    403: "Grant the provider's user this verb on this resource, or look at the admission policy that refused it.",
    404: "Make its namespace first, or install the definition of its kind.",
    422: "Correct the field in the program; nothing was changed.",
}
