"""The transport of production: httpx with time limits and verified TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from rotation.backends.transport import Request, Response, Transport
from rotation.errors import Refused, Unavailable

CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0


def http_transport(base_url: str, ca_certificate: Path | None = None) -> Transport:
    """Send requests to one server. `ca_certificate` is a PEM file for servers with a certificate of their own.

    Raises Refused for a certificate that cannot be verified, Unavailable when no answer came.
    """
    trust = ssl.create_default_context(cafile=str(ca_certificate) if ca_certificate else None)
    timeout = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    client = httpx.Client(base_url=base_url, verify=trust, timeout=timeout, follow_redirects=False)

    def send(request: Request) -> Response:
        try:
            answer = client.request(
                request.method,
                request.path,
                params=dict(request.query),
                headers=dict(request.headers),
                content=request.body,
            )
        except httpx.RequestError as error:
            raise _typed(error) from None  # the chained request would hold the credential
        return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)

    return send


def _typed(error: httpx.RequestError) -> Refused | Unavailable:
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        remedy = "Check the server's name and certificate, or name its authority in `ca_certificate`."
        return Refused("connect", f"the server's TLS certificate cannot be verified ({cause})", remedy)
    return Unavailable("connect", f"no answer ({cause})", "Check the url, the network and that the server runs.")
