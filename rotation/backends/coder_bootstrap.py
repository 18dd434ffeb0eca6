"""How a Coder server is begun with: which of the four states it is in, what a person has to do, and the automatic path.

The first user of a server becomes an Owner, and on a default server a token of an Owner lives 7 days at most.
"""

from __future__ import annotations

from contextlib import suppress

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.coder_api import USERS, client, refusal_text, whoami
from rotation.backends.transport import Transport
from rotation.bootstrap import PLACEHOLDER, Login, Standing
from rotation.clock import Clock
from rotation.errors import Conflict, NotFound, Refused, Unauthorised

TOKEN_NAME = "template-automation"  # noqa: S105 - what a person calls the first one
_FIRST = USERS + "first"
_LOGIN = USERS + "login"


class CoderBootstrap:
    """Implements `rotation.bootstrap.Bootstrap`."""

    def standing(self, name: str, transport: Transport, credential: str, clock: Clock) -> Standing:
        """A credential that works is VALID; what else it is, the server's first user decides. Reads only.

        Raises Unavailable where no answer comes, or a proxy answers in the server's place.
        """
        given = "" if credential.startswith(PLACEHOLDER) else credential
        if given:
            with suppress(Unauthorised):
                whoami(client(name, transport, given, clock), "check the credential")
                return Standing.VALID
        if not _has_users(client(name, transport, "", clock)):
            return Standing.NO_USERS
        return Standing.INVALID if given else Standing.NO_TOKEN

    def instructions(self, standing: Standing, *, url: str, user: str, put: str) -> str:
        """Numbered lines; empty for a state in which nobody has to do anything."""
        steps = {
            Standing.NO_USERS: [_make_the_first_user(url, user), _choose(), *_make_a_token(), put],
            Standing.NO_TOKEN: [_log_in(url, user), _choose(), *_make_a_token(), put],
            Standing.INVALID: [_log_in(url, user), _clear_up(), *_make_a_token(), put],
            Standing.VALID: [],
        }
        return "\n".join(f"{number}. {step}" for number, step in enumerate(steps[standing], 1))

    def enter(self, name: str, transport: Transport, login: Login, clock: Clock) -> str:
        """Make the first user where there is none, log in, and return the session's value, which ends in a day.

        Raises Unauthorised for a login that is refused, Refused for a password that is too weak.
        """
        asking = _hiding(name, transport, login, clock)
        if not _has_users(asking):
            _make_first_user(asking, login)
        return _session(asking, login)


def _has_users(asking: ApiClient) -> bool:
    """Whether the first user was made. A 404 counts in the server's own words only; see `ApiClient`."""
    try:
        asking.read("ask for the first user", _FIRST)
    except NotFound:
        return False
    return True


def _hiding(name: str, transport: Transport, login: Login, clock: Clock) -> ApiClient:
    """Calls without a credential, of whose refusals the password is cut out."""
    return ApiClient(name, transport, login.password, lambda _password: {}, refusal_text, clock)


def _make_first_user(asking: ApiClient, login: Login) -> None:
    """Only one can be the first, so repeating it makes no second; where somebody was quicker, the login decides."""
    account = {"email": login.email, "username": login.username, "password": login.password}
    act = f"make the first user {login.username}"
    try:
        asking.ask(act, _FIRST, account)
    except Conflict:
        return
    except Refused as error:
        remedy = "Give the account of `bootstrap` a stronger password and a valid name and email; none was made."
        raise Refused(act, error.cause, remedy, backend=asking.backend) from None


def _session(asking: ApiClient, login: Login) -> str:
    """Log in; a session of which no answer came ends by itself."""
    act = f"log in as {login.email}"
    try:
        answer = asking.ask(act, _LOGIN, {"email": login.email, "password": login.password})
    except Unauthorised as error:
        remedy = f"Correct the account {login.username} under `bootstrap`, or give a token by hand."
        raise Unauthorised(act, error.cause, remedy, backend=asking.backend) from None
    with understood(act, asking.backend):
        session = answer.json()["session_token"]
        if not session or not isinstance(session, str):
            raise ValueError("no session")
        return session


def _make_the_first_user(url: str, user: str) -> str:
    named = f" with the username {user}" if user else ""
    return (
        f"Open {url}: the server has no user yet and shows its setup page. Create the admin user{named}; the first user"
        " becomes an Owner."
    )


def _log_in(url: str, user: str) -> str:
    return f"Open {url} and log in{f' as {user}' if user else ' as the user whose token it shall be'}."


def _choose() -> str:
    return (
        "Choose whose token it shall be: the role Template Admin is enough. Create such a user under Admin settings,"
        " Users, and log in as that one. An Owner's token lives 7 days at most unless the server raises"
        " CODER_MAX_ADMIN_TOKEN_LIFETIME, so an Owner needs a policy of 7 days."
    )


def _clear_up() -> str:
    return (
        f"The token that stands there is expired or revoked. Under Account, Tokens, delete the one named {TOKEN_NAME}"
        " if it is still shown. Keep to the same user, for only that one and an Owner can end the user's tokens."
    )


def _make_a_token() -> list[str]:
    create = (
        f"Under Account, Tokens, choose Add token, with the name {TOKEN_NAME} (or another where that is taken) and a"
        " lifetime of 7 days, which every user may choose. A run takes it over, and a later one mints its successor,"
        f" which is named {TOKEN_NAME}-<generation> and lives as long as the policy says."
    )
    return [create, "Copy the value: it is shown once."]
