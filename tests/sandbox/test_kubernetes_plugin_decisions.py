"""The stand-in kubernetes plugin's judgement: update or replacement, row by row as the real plugin was measured."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.differences import Act, Change, differences, written
from sandbox.plugins.kubernetes.decisions import decide
from sandbox.plugins.kubernetes.inputs import AUTONAMED
from sandbox.plugins.kubernetes.kinds import KINDS, Kind
from sandbox.plugins.values import UNKNOWN, JsonObject, Path

SECRET = KINDS["kubernetes:core/v1:Secret"]
CONFIG_MAP = KINDS["kubernetes:core/v1:ConfigMap"]
NAMESPACE = KINDS["kubernetes:core/v1:Namespace"]
MUTABLE = frozenset({"enableSecretMutable", "enableConfigMapMutable"})
PLAIN = frozenset[str]()
BOTH = [pytest.param(MUTABLE, id="mutable"), pytest.param(PLAIN, id="plain")]


def an_object(*, name: str = "admin-token", **fields: object) -> JsonObject:
    """Checked inputs of an object in the namespace authentik."""
    return {"metadata": {"name": name, "namespace": "authentik"}, **fields}


def autonamed(inputs: JsonObject) -> JsonObject:
    """The same inputs, as if the name had been made by check."""
    return {**inputs, "metadata": {**inputs["metadata"], "annotations": {AUTONAMED: "true"}}}


CONTENTS = [
    pytest.param({"t": "b"}, Change("data.t", Act.UPDATE, False), id="value"),
    pytest.param({"t": "a", "u": "b"}, Change("data.u", Act.ADD, False), id="key added"),
    pytest.param({}, Change("data.t", Act.DELETE, False), id="key removed"),
    pytest.param(UNKNOWN, Change("data", Act.UPDATE, False), id="unknown until made"),
]


@pytest.mark.parametrize("kind", [SECRET, CONFIG_MAP])
@pytest.mark.parametrize(("data", "expected"), CONTENTS)
def test_contents_with_mutable_setting(kind: Kind, data: Any, expected: Change) -> None:
    """With the mutable setting changed contents are an update in place, shown at the key that changed."""
    decision = decide(kind, an_object(data={"t": "a"}), an_object(data=data), MUTABLE)

    assert decision.changes == (expected,)
    assert not decision.delete_first


@pytest.mark.parametrize("kind", [SECRET, CONFIG_MAP])
@pytest.mark.parametrize(("data", "expected"), CONTENTS)
def test_contents_without_mutable_setting(kind: Kind, data: Any, expected: Change) -> None:
    """Without the mutable setting changed contents are a replacement with the new object first: the trap."""
    decision = decide(kind, an_object(data={"t": "a"}), an_object(data=data), PLAIN)

    assert decision.changes == (Change(expected.path, expected.act, True),)
    assert not decision.delete_first


@pytest.mark.parametrize("enabled", BOTH)
@pytest.mark.parametrize("field", ["annotations", "labels"])
def test_annotation_or_label(enabled: frozenset[str], field: str) -> None:
    """An annotation or label is updated in place on either provider."""
    old = an_object(data={"t": "a"})
    new = {**old, "metadata": {**old["metadata"], field: {"token-rotation/generation": "g2"}}}

    decision = decide(SECRET, old, new, enabled)

    assert [change.replaces for change in decision.changes] == [False]


@pytest.mark.parametrize("enabled", BOTH)
def test_type_of_a_secret(enabled: frozenset[str]) -> None:
    """Another type replaces a Secret, and the named one is deleted first."""
    decision = decide(SECRET, an_object(type="Opaque"), an_object(type="example.com/token"), enabled)

    assert decision.changes == (Change("type", Act.UPDATE, True),)
    assert decision.delete_first


@pytest.mark.parametrize("enabled", BOTH)
@pytest.mark.parametrize("kind", [SECRET, CONFIG_MAP])
def test_contents_of_an_immutable_object(kind: Kind, enabled: frozenset[str]) -> None:
    """Changed contents of an immutable object replace it, and the named one is deleted first."""
    old, new = an_object(immutable=True, data={"t": "a"}), an_object(immutable=True, data={"t": "b"})

    decision = decide(kind, old, new, enabled)

    assert decision.changes == (Change("data.t", Act.UPDATE, True),)
    assert decision.delete_first


def test_an_object_becomes_immutable() -> None:
    """Making an object immutable is an update; undoing it is a replacement, because the API server refuses it."""
    open_object, closed = an_object(data={"t": "a"}), an_object(data={"t": "a"}, immutable=True)

    assert not decide(SECRET, open_object, closed, MUTABLE).changes[0].replaces
    assert decide(SECRET, closed, open_object, MUTABLE).changes[0].replaces


@pytest.mark.parametrize("enabled", BOTH)
@pytest.mark.parametrize("kind", [SECRET, CONFIG_MAP, NAMESPACE])
@pytest.mark.parametrize("field", ["name", "namespace"])
def test_another_place(kind: Kind, field: str, enabled: frozenset[str]) -> None:
    """Another name or namespace replaces, the new object first."""
    old = an_object()
    new = {"metadata": {**old["metadata"], field: "other"}}

    decision = decide(kind, old, new, enabled)

    assert decision.changes == (Change(f"metadata.{field}", Act.UPDATE, True),)
    assert not decision.delete_first


@pytest.mark.parametrize("enabled", BOTH)
def test_an_autonamed_object_is_replaced_new_one_first(enabled: frozenset[str]) -> None:
    """An object that may get another name is never deleted before its replacement is there."""
    old, new = autonamed(an_object(type="Opaque")), autonamed(an_object(type="example.com/token"))

    assert not decide(SECRET, old, new, enabled).delete_first


def test_namespace_labels() -> None:
    """A Namespace's labels are updated in place."""
    old = {"metadata": {"name": "authentik", "labels": {"a": "b"}}}
    new = {"metadata": {"name": "authentik", "labels": {"a": "c"}}}

    assert decide(NAMESPACE, old, new, PLAIN).changes == (Change("metadata.labels.a", Act.UPDATE, False),)


BINDING = KINDS["kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"]
CLUSTER_BINDING = KINDS["kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"]
JOB, CRON_JOB = KINDS["kubernetes:batch/v1:Job"], KINDS["kubernetes:batch/v1:CronJob"]
DEPLOYMENT = KINDS["kubernetes:apps/v1:Deployment"]
SERVICE = KINDS["kubernetes:core/v1:Service"]
EXTERNAL_SECRET = KINDS["kubernetes:external-secrets.io/v1:ExternalSecret"]

REPLACED = [
    (BINDING, "roleRef.name", {"roleRef": {"kind": "Role", "name": "a"}}, {"roleRef": {"kind": "Role", "name": "b"}}),
    (CLUSTER_BINDING, "roleRef.name", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}),
    (JOB, "spec.template.spec.image", {"spec": {"template": {"spec": {"image": "a"}}}}, None),
    (JOB, "spec.completions", {"spec": {"completions": "a"}}, None),
    (JOB, "spec", {"spec": {"template": {}}}, {"spec": UNKNOWN}),
    (DEPLOYMENT, "spec.selector.matchLabels.app", {"spec": {"selector": {"matchLabels": {"app": "a"}}}}, None),
    (SERVICE, "spec.clusterIP", {"spec": {"clusterIP": "a"}}, None),
]
UPDATED = [
    (BINDING, "subjects[0].name", {"subjects": [{"name": "a"}]}),
    (JOB, "spec.suspend", {"spec": {"suspend": "a"}}),
    (CRON_JOB, "spec.schedule", {"spec": {"schedule": "a"}}),
    (
        CRON_JOB,
        "spec.jobTemplate.spec.template.image",
        {"spec": {"jobTemplate": {"spec": {"template": {"image": "a"}}}}},
    ),
    (DEPLOYMENT, "spec.template.image", {"spec": {"template": {"image": "a"}}}),
    (SERVICE, "spec.ports[0].port", {"spec": {"ports": [{"port": "a"}]}}),
    (EXTERNAL_SECRET, "spec.refreshInterval", {"spec": {"refreshInterval": "a"}}),
]


def with_b(value: Any) -> Any:
    """The same, with `b` where there was `a`."""
    if isinstance(value, dict):
        return {key: with_b(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_b(item) for item in value]
    return "b" if value == "a" else value


@pytest.mark.parametrize("enabled", BOTH)
@pytest.mark.parametrize(("kind", "path", "old", "new"), REPLACED)
def test_a_field_that_cannot_change_in_place(
    kind: Kind, path: str, old: JsonObject, new: JsonObject | None, enabled: frozenset[str]
) -> None:
    """Another role of a binding, template of a Job or selector of a Deployment replaces; the named one goes first."""
    decision = decide(kind, an_object(**old), an_object(**(new or with_b(old))), enabled)

    assert decision.changes == (Change(path, Act.UPDATE, True),)
    assert decision.delete_first


@pytest.mark.parametrize("enabled", BOTH)
@pytest.mark.parametrize(("kind", "path", "old"), UPDATED)
def test_a_field_that_changes_in_place(kind: Kind, path: str, old: JsonObject, enabled: frozenset[str]) -> None:
    """Subjects, schedules, images, ports and the spec of a custom resource are updated in place."""
    decision = decide(kind, an_object(**old), an_object(**with_b(old)), enabled)

    assert decision.changes == (Change(path, Act.UPDATE, False),)
    assert not decision.delete_first


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_differences_are_found_exactly_when_there_are_any(old: Any, new: Any) -> None:
    """Equal values have no difference, and unequal ones at least one."""
    assert (list(differences(old, new, ())) == []) == (old == new)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("data", "t"), "data.t"),
        (("data", "tls.crt"), 'data["tls.crt"]'),
        (("metadata", "annotations", "a/b"), 'metadata.annotations["a/b"]'),
        (("spec", "rules", 0, "host"), "spec.rules[0].host"),
    ],
)
def test_paths_are_written_as_pulumi_reads_them(path: Path, expected: str) -> None:
    """A path in a diff is one that Pulumi's display can read."""
    assert written(path) == expected
