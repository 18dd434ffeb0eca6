"""The transport to a cluster: the Kubernetes client's own connection, its trust and its credential, and no more of it.

The only module of `rotation` that imports that client; the classes that it has for objects are not used.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlencode

import urllib3
import yaml
from kubernetes import client, config

from rotation.backends.transport import Request, Response, Transport
from rotation.errors import Refused, Unavailable

CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0
_USUAL = Path("~/.kube/config")
_AGENT = "token-rotation"
"""The API server calls the writer of an object so, in its managed fields."""


def connection(kubeconfig: str | None = None, context: str | None = None) -> client.Configuration:
    """How the API is reached: by this kubeconfig and context, KUBECONFIG or the usual file; else as the pod we run in.

    Nothing is asked yet. Raises Refused when there is none of them that can be used.
    """
    loaded = client.Configuration()
    try:
        if kubeconfig or context or os.environ.get("KUBECONFIG") or _USUAL.expanduser().exists():
            named = {"config_file": kubeconfig} if kubeconfig else {}
            config.load_kube_config(context=context, client_configuration=loaded, **named)
        else:
            config.load_incluster_config(client_configuration=loaded)
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError):  # their texts may quote a line
        raise Refused("connect", "there is no usable kubeconfig", "Name one, or set KUBECONFIG.") from None
    loaded.retries = False
    return loaded


def kubernetes_transport(configuration: client.Configuration) -> Transport:
    """Send requests to the cluster of a configuration, as whoever it says we are; one pool of connections for all.

    Raises Refused for a certificate or a credential that cannot be used, Unavailable when no answer came.
    """
    pool = client.ApiClient(configuration).rest_client.pool_manager
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=CALL_SECONDS)

    def send(request: Request) -> Response:
        headers = {"user-agent": _AGENT, **request.headers, **_credential(configuration)}
        try:
            answer = pool.request(
                request.method,
                _url(configuration.host, request),
                body=request.body or None,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _typed(error) from None
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    return send


def _url(host: str, request: Request) -> str:
    query = f"?{urlencode(request.query)}" if request.query else ""
    return f"{host.rstrip('/')}{quote(request.path)}{query}"


def _credential(configuration: client.Configuration) -> dict[str, str]:
    """The bearer token, read again where it is one that changes; a client certificate is the pool's."""
    try:
        value = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    except (config.ConfigException, OSError):
        cause = "the credential that the kubeconfig names cannot be read"
        raise Refused("connect", cause, "Check the kubeconfig's user, or the pod's ServiceAccount.") from None
    return {"authorization": value} if value else {}


def _typed(error: Exception) -> Refused | Unavailable:
    """The error's kind alone: its text holds the url."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        remedy = "Check the server's name and certificate, or the authority that the kubeconfig names."
        return Refused("connect", "the API server's TLS certificate cannot be verified", remedy)
    remedy = "Check the kubeconfig, the network and that the API server runs."
    return Unavailable("connect", f"no answer ({type(error).__name__})", remedy)
