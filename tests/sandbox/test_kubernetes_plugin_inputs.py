"""The stand-in kubernetes plugin's inputs: types and properties of the installed SDK, names, and what stays secret."""

import base64
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.errors import PluginError
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.inputs import AUTONAMED, checked, of_live
from sandbox.plugins.kubernetes.kinds import KINDS, Kind, find
from sandbox.plugins.kubernetes.sdk_properties import unknown_properties
from sandbox.plugins.values import UNKNOWN, JsonObject, has_unknown, marked, plain, secret_paths

SECRET = KINDS["kubernetes:core/v1:Secret"]
NAMESPACE = KINDS["kubernetes:core/v1:Namespace"]


def check(wish: JsonObject, old: JsonObject | None = None, *, kind: Kind = SECRET, seed: bytes = b"seed") -> JsonObject:
    """Checked inputs of a resource that is called admin."""
    return checked(kind, wish, old or {}, name="admin", namespace="default", seed=seed)


def encoded(text: str) -> str:
    """As the API server stores it."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("token", [token for token, kind in KINDS.items() if not kind.custom])
def test_every_kind_is_one_of_the_sdk(token: str) -> None:
    """Each line of the table names a class of the installed SDK and exactly its properties are known."""
    group, version, name = token.removeprefix("kubernetes:").replace(":", "/").split("/")
    arguments = getattr(import_module(f"pulumi_kubernetes.{group.split('.')[0]}.{version}"), f"{name}InitArgs")
    getters: list[Any] = [value.fget for value in vars(arguments).values() if isinstance(value, property)]
    wire_names = [getter._pulumi_name for getter in getters]

    assert unknown_properties(token, {**dict.fromkeys(wire_names, UNKNOWN), "tokn": ""}) == ["tokn"]


def test_an_unknown_type_is_an_error_that_names_it() -> None:
    """A type without a line in the table is refused by name, with what to do."""
    with pytest.raises(PluginError, match=r"kubernetes:apps/v1:StatefulSet: .* does not know this type.*kinds\.py"):
        find("kubernetes:apps/v1:StatefulSet")


def test_unknown_properties_are_found_at_any_depth() -> None:
    """A misspelt property is found inside metadata and inside lists too; keys of maps are free."""
    inputs = {
        "stringdata": {},
        "stringData": {"anything": "goes"},
        "metadata": {"anotations": {}, "labels": {"free": "x"}, "ownerReferences": [{"uid": "u", "nam": "n"}]},
    }

    found = unknown_properties(SECRET.token, inputs)

    assert found == ["stringdata", "metadata.anotations", "metadata.ownerReferences[0].nam"]


def test_string_data_becomes_data() -> None:
    """stringData is kept encoded under data, wins over it, and leaves no trace of its own."""
    result = check({"stringData": {"t": "new"}, "data": {"t": encoded("old"), "u": encoded("kept")}})

    assert result["data"] == {"t": encoded("new"), "u": encoded("kept")}
    assert "stringData" not in result


@pytest.mark.parametrize(
    ("wish", "data"),
    [
        ({"stringData": UNKNOWN}, UNKNOWN),
        ({"stringData": {"t": UNKNOWN}}, {"t": UNKNOWN}),
        ({"stringData": {"t": "x"}, "data": UNKNOWN}, UNKNOWN),
    ],
)
def test_unknown_data_stays_unknown(wish: JsonObject, data: Any) -> None:
    """What is unknown in a preview is not encoded as if it were a value."""
    assert check(wish)["data"] == data


def test_a_value_that_is_no_text_is_refused_without_showing_it() -> None:
    """stringData takes text; the error names the key and not the value."""
    with pytest.raises(PluginError, match=r"stringData\.t") as error:
        check({"stringData": {"t": 424242}})

    assert "424242" not in str(error.value)


def test_an_unnamed_object_is_named_once() -> None:
    """A made name is the same for the same seed, kept while old inputs are given, and new for a replacement."""
    first = check({})
    kept = check({}, first, seed=b"another")
    replaced = check({}, seed=b"another")

    assert first["metadata"]["name"] == check({})["metadata"]["name"]
    assert first["metadata"]["annotations"] == {AUTONAMED: "true"}
    assert kept["metadata"] == first["metadata"]
    assert replaced["metadata"]["name"] not in ("admin", first["metadata"]["name"])


def test_namespaces_are_filled_in_only_where_there_are_any() -> None:
    """A namespaced object gets the default namespace, its own stays, and a Namespace gets none."""
    assert check({"metadata": {"name": "x"}})["metadata"]["namespace"] == "default"
    assert check({"metadata": {"name": "x", "namespace": "own"}})["metadata"]["namespace"] == "own"
    assert "namespace" not in check({"metadata": {"name": "x"}}, kind=NAMESPACE)["metadata"]


def test_live_inputs_have_only_managed_fields() -> None:
    """A refresh reads what the inputs manage, as it is now; what others added is not ours."""
    live = {"data": {"t": "drifted", "theirs": "x"}, "metadata": {"name": "n", "uid": "u"}, "type": "Opaque"}

    assert of_live(live, {"data": {"t": "mine", "gone": "y"}, "metadata": {"name": "n"}}) == {
        "data": {"t": "drifted"},
        "metadata": {"name": "n"},
    }


LEAVES = st.booleans() | st.text(max_size=3) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.builds(PropertyValue, LEAVES, st.booleans()),
    lambda inner: st.builds(
        PropertyValue,
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.booleans(),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=2), VALUES, max_size=3))
def test_secrets_survive_the_way_through_plain_values(values: dict[str, PropertyValue]) -> None:
    """What was secret is secret again after plain values were marked, and nothing else is lost."""
    again = marked(plain(values), secret_paths(values))

    assert plain(again) == plain(values)
    assert secret_paths(again) == secret_paths(values)


def test_an_unknown_is_found_at_any_depth() -> None:
    """A preview with an unknown anywhere is not sent to the API server."""
    assert has_unknown({"spec": {"rules": [{"host": UNKNOWN}]}})
    assert not has_unknown({"spec": {"rules": [{"host": "example.com"}]}})


def test_settings_are_read_as_the_sdk_sends_them() -> None:
    """Switches arrive as JSON text; the namespace is the provider's, else the context's, else default."""
    kubeconfig = "{current-context: a, contexts: [{name: a, context: {namespace: of-a}}, {name: b, context: {}}]}"
    given = {"kubeconfig": kubeconfig, "enableSecretMutable": "true", "enableConfigMapMutable": "false"}

    assert settings.Settings.of(given).enabled == {"enableSecretMutable"}
    assert settings.Settings.of(given).default_namespace() == "of-a"
    assert settings.Settings.of({**given, "context": "b"}).default_namespace() == "default"
    assert settings.Settings.of({**given, "namespace": "own"}).default_namespace() == "own"


def test_unknown_provider_properties_are_refused() -> None:
    """A provider property that is not stood in for is an error, and so is server-side apply switched off."""
    assert set(settings.problems({"kubeconfig": "x", "version": "4.34.2", "helmReleaseSettings": "{}"})) == {
        "helmReleaseSettings"
    }
    assert set(settings.problems({"enableServerSideApply": "false"})) == {"enableServerSideApply"}
