"""The credentials with which a consumer reads published copies. Each goes to the server that it was given for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.errors import BackendError, Refused

CONNECT_URL, CONNECT_TOKEN = "OP_CONNECT_HOST", "OP_CONNECT_TOKEN"
VAULT_URL, VAULT_TOKEN = "VAULT_ADDR", "VAULT_TOKEN"
VAULT_ROLE, VAULT_MOUNT = "TOKEN_ROTATION_VAULT_ROLE", "TOKEN_ROTATION_VAULT_AUTH_MOUNT"
VAULT_JWT = "TOKEN_ROTATION_VAULT_JWT_FILE"
POD_JWT = "/var/run/secrets/kubernetes.io/serviceaccount/token"
"""Where a pod finds the token of its ServiceAccount, unless one with an audience of its own is mounted elsewhere."""

_VAULT = "vault"


def connect_token(environ: Mapping[str, str], url: str) -> str:
    """The token for a Connect server. Raises Refused where the environment holds none for it."""
    return _given_for(environ, CONNECT_URL, CONNECT_TOKEN, url, "1password")


@contextmanager
def vault_token(environ: Mapping[str, str], url: str, transport: Transport, clock: Clock) -> Iterator[str]:
    """The token for a Vault or OpenBao server: of the environment, or of a login that is ended after the block.

    Raises Refused where there is neither, and what the login raises.
    """
    role = environ.get(VAULT_ROLE, "")
    if environ.get(VAULT_TOKEN) or not role:
        yield _given_for(environ, VAULT_URL, VAULT_TOKEN, url, _VAULT)
        return
    mount = environ.get(VAULT_MOUNT, "kubernetes").strip("/")
    client = ApiClient(_VAULT, transport, "", _authorise, _refusal_text, clock)
    jwt = _jwt(Path(environ.get(VAULT_JWT, POD_JWT)))
    answer = client.with_credential("").ask("log in", f"/v1/auth/{mount}/login", {"role": role, "jwt": jwt})
    with understood("log in", _VAULT):
        token = str(answer.json()["auth"]["client_token"])
    try:
        yield token
    finally:
        with suppress(BackendError):  # it ends by itself
            client.with_credential(token).ask("end the login", "/v1/auth/token/revoke-self", {})


def _given_for(environ: Mapping[str, str], url_variable: str, variable: str, url: str, backend: str) -> str:
    """A credential is never sent to another server than the one that is named beside it."""
    named, credential = environ.get(url_variable, "").rstrip("/"), environ.get(variable, "")
    if not credential:
        remedy = f"Set {variable} for the validation." + (f" Or set {VAULT_ROLE}." if backend == _VAULT else "")
        raise Refused("find the credential", f"{variable} is not set", remedy, backend=backend)
    if not url:
        cause = f"{url_variable} is not set, and the plan names no server"
        raise Refused("find the server", cause, f"Set {url_variable}.", backend=backend)
    if named and named != url.rstrip("/"):
        cause = f"{variable} is for {named}, and the copy stands at {url}"
        raise Refused("find the credential", cause, f"Set {url_variable} to the server of the copies.", backend=backend)
    return credential


def _jwt(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        cause = f"the ServiceAccount's token cannot be read ({type(error).__name__}: {path})"
        raise Refused("log in", cause, f"Mount it, or name its file in {VAULT_JWT}.", backend=_VAULT) from None


def _authorise(credential: str) -> dict[str, str]:
    return {"x-vault-token": credential} if credential else {}


def _refusal_text(body: object) -> str:
    errors = body["errors"] if isinstance(body, dict) else []
    return "; ".join(str(text) for text in errors)
