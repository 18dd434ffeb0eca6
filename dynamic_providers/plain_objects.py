"""Kubernetes objects as plain JSON, by the client's own connection.

The client's classes for objects are not used: importing them takes most of a second, in every run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client

JSON = "application/json"
METADATA_ONLY = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_APPLY = "application/apply-patch+yaml"
_TIME_LIMIT = (10.0, 30.0)  # seconds to connect, and in all
_GOOD = range(200, 300)


def path(group_version: str, namespace: str, plural: str, name: str) -> str:
    """Where the API has an object: `v1` or `apps/v1`, and so on."""
    root = "apis" if "/" in group_version else "api"
    return f"/{root}/{group_version}/namespaces/{namespace}/{plural}/{name}"


@dataclass(frozen=True)
class PlainObjects:
    """Raises as the client does: ApiException for a refusal, with its status; urllib3's errors where no answer came."""

    api: client.ApiClient

    def read(self, where: str, accept: str = JSON) -> dict[str, Any]:
        """One object."""
        return self._send("GET", where, {"Accept": accept})

    def find(self, where: str, accept: str = JSON) -> dict[str, Any] | None:
        """One object; None when the cluster says that it is not there."""
        try:
            return self.read(where, accept)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def apply(self, where: str, body: Mapping[str, Any], manager: str) -> None:
        """Server-side apply, which also makes what is not there. Fields of other managers are taken over."""
        query = [("fieldManager", manager), ("force", "true")]
        self._send("PATCH", where, {"Accept": JSON, "Content-Type": _APPLY}, dict(body), query)

    def _send(
        self,
        method: str,
        where: str,
        headers: dict[str, str],
        body: object = None,
        query: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        request = self.api.param_serialize(
            method, where, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self.api.call_api(*request, _request_timeout=_TIME_LIMIT)
        text = answer.read().decode(errors="replace")
        if answer.status not in _GOOD:
            raise client.ApiException(status=answer.status, reason=answer.reason, body=text)
        return dict(json.loads(text))
