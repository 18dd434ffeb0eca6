"""The operators' kinds of objects in a sandbox cluster: their definitions, without the operators themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from sandbox.servers import processes
from sandbox.servers.kubernetes import KubernetesServer
from toolchain import bundle

BUNDLES = ("external-secrets-crds", "prometheus-operator-crds")
OURS = Path(__file__).parent.parent / "crds"
"""Minimal definitions of our own, for operators whose definitions are not among the tools."""

_ESTABLISHED_SECONDS = 60.0
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a megabyte of YAML takes the other one half a minute


def files() -> list[Path]:
    """Every definition that the sandbox has. Raises toolchain.ToolMissingError with the remedy."""
    return [file for name in BUNDLES for file in bundle(name)] + sorted(OURS.glob("*.yaml"))


def install(server: KubernetesServer, *definitions: Path) -> list[str]:
    """Apply the definitions in these YAML files, and wait until the API server serves them; twice is fine.

    Returns their names, such as `externalsecrets.external-secrets.io`. Raises kubernetes.client.ApiException, and
    TimeoutError when one is not served in time.
    """
    with server.admin_client() as api:
        extensions = client.ApiextensionsV1Api(api)
        names = [_apply(extensions, body) for file in definitions for body in _definitions(file)]
        for name in names:
            if not processes.comes_true(partial(_is_established, extensions, name), seconds=_ESTABLISHED_SECONDS):
                raise TimeoutError(f"{name} was not served after {_ESTABLISHED_SECONDS:.0f} s")
    return names


def _definitions(file: Path) -> Iterator[dict[str, Any]]:
    for body in yaml.load_all(file.read_text(), Loader=_Loader):
        if body:
            assert body["kind"] == "CustomResourceDefinition", f"{file} holds a {body['kind']}"
            yield body


def _apply(extensions: client.ApiextensionsV1Api, body: dict[str, Any]) -> str:
    name = str(body["metadata"]["name"])
    extensions.patch_custom_resource_definition(
        name,
        body,
        field_manager="sandbox",
        force=True,
        _content_type="application/apply-patch+yaml",
        _preload_content=False,  # the client takes a quarter of a second to make objects of a large schema
    )
    return name


def _is_established(extensions: client.ApiextensionsV1Api, name: str) -> bool:
    found = json.loads(extensions.read_custom_resource_definition(name, _preload_content=False).data)
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
