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

    Raises Refused for a certificate that cannot be verified and for a credential that no header can hold, Unavailable
    when no answer came.
    """
    trust = ssl.create_default_context(cafile=str(ca_certificate) if ca_certificate else None)
    timeout = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    client = httpx.Client(base_url=base_url, verify=trust, timeout=timeout, follow_redirects=False)

    def send(request: Request) -> Response:
        _refuse_unsendable(request)
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


def _refuse_unsendable(request: Request) -> None:
    """Before anything is sent: the library's own error quotes the header, and with it the credential."""
    for value in request.headers.values():
        if value != value.strip() or not all(" " <= character <= "~" for character in value):
            remedy = "Give the value alone: no line's end, no white space, nothing but printed ASCII."
            raise Refused("connect", "the value that was to be presented cannot be sent in a header", remedy)


def _typed(error: httpx.RequestError) -> Refused | Unavailable:
    is_quoted = isinstance(error, httpx.ProtocolError | httpx.DecodingError)  # what came, or what was to be sent
    cause = type(error).__name__ if is_quoted or not str(error) else f"{type(error).__name__}: {error}"
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        remedy = "Check the server's name and certificate, or name its authority in `ca_certificate`."
        return Refused("connect", f"the server's TLS certificate cannot be verified ({cause})", remedy)
    return Unavailable("connect", f"no answer ({cause})", "Check the url, the network and that the server runs.")
