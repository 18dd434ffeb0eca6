"""The stand-in kubernetes plugin's errors: readable for a stranger, and without a value."""

import pytest

from sandbox.plugins.kubernetes.inputs import always_secret
from sandbox.plugins.kubernetes.kinds import KINDS, Target
from sandbox.plugins.kubernetes.refusals import refusal
from sandbox.plugins.values import JsonObject

SECRET = Target(KINDS["kubernetes:core/v1:Secret"], "authentik", "admin-token")
CONFIG_MAP = Target(KINDS["kubernetes:core/v1:ConfigMap"], "authentik", "receipt")
VALUE = "c3VwZXItc2VjcmV0"


def status(reason: str, *causes: tuple[str, str, str], message: str = "") -> JsonObject:
    """A Status document of the API server; causes are (reason, field, message)."""
    listed = [{"reason": why, "field": field, "message": text} for why, field, text in causes]
    return {"kind": "Status", "reason": reason, "message": message, "details": {"causes": listed}}


def text_of(target: Target, code: int, answer: JsonObject) -> str:
    """What a person reads."""
    return str(refusal(target, "updated", code, answer, always_secret(target.kind)))


def test_a_refused_name_is_explained() -> None:
    """The error names the object, the act, the field, the server's reason and the remedy."""
    answer = status("Invalid", ("FieldValueInvalid", "metadata.name", 'Invalid value: "A_b": a lowercase subdomain'))

    text = text_of(SECRET, 422, answer)

    assert text.startswith("Secret authentik/admin-token could not be updated: Invalid: metadata.name: ")
    assert "a lowercase subdomain" in text
    assert "Correct the field" in text


@pytest.mark.parametrize(
    "answer",
    [
        status("Invalid", ("FieldValueInvalid", "data[t]", f'Invalid value: "{VALUE}": no'), message=f"data {VALUE}"),
        status("Invalid", ("FieldValueInvalid", ".stringData.t", f'Invalid value: "{VALUE}"')),
        status("Invalid", ("FieldValueInvalid", "", f'"{VALUE}"')),
        status("BadRequest", message=f"cannot decode {VALUE}"),
        {"message": VALUE},
    ],
)
def test_no_value_of_a_secret_is_quoted(answer: JsonObject) -> None:
    """Whatever the server says about a secret field, and whatever it says without naming a field, is not repeated."""
    assert VALUE not in text_of(SECRET, 422, answer)


def test_the_servers_sentence_is_shown_where_nothing_is_secret() -> None:
    """An object without secrets gets the server's own words."""
    assert "data is too long" in text_of(CONFIG_MAP, 422, status("Invalid", message="data is too long"))


def test_a_conflict_names_the_other_manager() -> None:
    """A field of another manager is a conflict that names both and says how to take it over."""
    answer = status("Conflict", ("FieldManagerConflict", ".data.t", 'conflict with "kubectl-edit" using v1'))

    text = text_of(SECRET, 409, answer)

    assert 'data.t: conflict with "kubectl-edit"' in text
    assert "pulumi.com/patchForce" in text
