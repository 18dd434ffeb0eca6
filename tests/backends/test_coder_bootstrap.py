"""How a Coder server is begun with: its four states, the steps for a person, and the automatic path."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from rotation.backends.coder import connect
from rotation.backends.coder_bootstrap import CoderBootstrap
from rotation.backends.registry import KINDS
from rotation.backends.transport import Request, Response, json_response
from rotation.bootstrap import PLACEHOLDER, Login, Standing
from rotation.errors import BackendError, Refused, Unauthorised, Unavailable
from rotation.testing.builders import DAY, HandClock, an_order
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import raised
from sandbox.apis.coder import Coder
from sandbox.faults import Faults

FIRST, LOGIN, ME = "/api/v2/users/first", "/api/v2/users/login", "/api/v2/users/me"
PASSWORD = "planted-9c41-Passw0rd-e07b-55aa"
ACCOUNT = Login("admin", "admin@example.com", PASSWORD)
BOOTSTRAP = CoderBootstrap()
URL = "https://coder.example.com"
PUT = "Run `tokens accept coder/coder-admin-api-token --kind coder --url https://coder.example.com`."


class Server:
    """A simulated server that may have a user, and what stands before it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.coder = Coder(self.clock, seed=1)
        self.faults = Faults(self.handle, sleep=lambda _seconds: None)
        self.seen: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.seen.append(request)
        return self.coder.handle(request)

    def standing(self, credential: str = "") -> Standing:
        return BOOTSTRAP.standing("coder", self.faults, credential, self.clock)

    def enter(self, login: Login = ACCOUNT) -> str:
        return BOOTSTRAP.enter("coder", self.faults, login, self.clock)

    def add_user(self) -> None:
        self.coder.add_user(ACCOUNT.username, password=PASSWORD, email=ACCOUNT.email)

    def calls(self) -> list[tuple[str, str]]:
        return [(request.method, request.path) for request in self.seen]


@pytest.fixture
def server() -> Server:
    return Server()


def test_the_registry_knows_the_way_in() -> None:
    """The kind says that it can be begun with."""
    assert isinstance(KINDS["coder"].bootstrap, CoderBootstrap)


@pytest.mark.parametrize("credential", ["", PLACEHOLDER + "20260101"])
def test_a_server_without_users(server: Server, credential: str) -> None:
    """Nothing given, or a placeholder, on a fresh server: asked of one public path."""
    assert server.standing(credential) is Standing.NO_USERS
    assert server.calls() == [("GET", FIRST)]


@pytest.mark.parametrize("credential", ["", PLACEHOLDER + "20260101"])
def test_a_server_with_a_user_and_no_token(server: Server, credential: str) -> None:
    """The same, once there is a user; a placeholder is never sent."""
    server.add_user()
    assert server.standing(credential) is Standing.NO_TOKEN
    assert server.calls() == [("GET", FIRST)]
    assert "coder-session-token" not in server.seen[0].headers


def test_a_token_that_works(server: Server) -> None:
    """One call tells it."""
    server.add_user()
    value = server.coder.issue("admin", "template-automation")
    assert server.standing(value) is Standing.VALID
    assert server.calls() == [("GET", ME)]


def test_a_token_that_works_no_more(server: Server) -> None:
    """Expired, or never there."""
    server.add_user()
    value = server.coder.issue("admin", "template-automation", lifetime=DAY)
    server.clock.move(2 * DAY)
    assert server.standing(value) is Standing.INVALID
    assert server.standing("abcdefghij-nosuchsecret0123456789") is Standing.INVALID


def test_a_token_for_a_server_that_was_made_anew(server: Server) -> None:
    """After a disaster there is a token and no user: it is the user that is lacking."""
    assert server.standing("abcdefghij-nosuchsecret0123456789") is Standing.NO_USERS


@pytest.mark.parametrize("body", [b"<html>404</html>", b'{"detail": "no route"}', b""])
def test_a_404_of_a_proxy_is_no_empty_server(server: Server, body: bytes) -> None:
    """A server that is away has not lost its users."""

    def away(_request: Request) -> Response:
        return Response(404, {}, body)

    raised(Unavailable, lambda: BOOTSTRAP.standing("coder", away, "", server.clock))
    raised(Unavailable, lambda: BOOTSTRAP.enter("coder", away, ACCOUNT, server.clock))


@pytest.mark.parametrize("credential", ["", "abcdefghij-nosuchsecret0123456789"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_does_not_tell(server: Server, status: int, credential: str) -> None:
    """It is asked again, and what heals is no error; what does not is typed."""
    server.add_user()
    server.faults.refuse(status, times=3)
    assert server.standing(credential) in {Standing.NO_TOKEN, Standing.INVALID}
    server.faults.refuse(status, times=100)
    raised(BackendError, lambda: server.standing(credential))


def test_asking_changes_nothing(server: Server) -> None:
    """Only reads, whatever the state."""
    server.standing()
    server.add_user()
    server.standing()
    server.standing("abcdefghij-nosuchsecret0123456789")
    assert {method for method, _path in server.calls()} == {"GET"}


@pytest.mark.parametrize("standing", [Standing.NO_USERS, Standing.NO_TOKEN, Standing.INVALID])
@pytest.mark.parametrize("user", ["", "template-bot"])
def test_the_steps_are_numbered_and_filled_in(standing: Standing, user: str) -> None:
    """Each line a step, with URL and user, the name of the token, and the last as it was given."""
    lines = BOOTSTRAP.instructions(standing, url=URL, user=user, put=PUT).splitlines()
    assert [line.partition(". ")[0] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]
    text = "\n".join(lines)
    assert URL in lines[0]
    assert user in lines[0]
    assert "the name template-automation (or another" in text
    assert "Account, Tokens" in text
    assert lines[-1] == f"{len(lines)}. {PUT}"
    assert not re.search(r"\{|\}|None", text)


def test_each_state_has_its_own_steps() -> None:
    """The admin user is made where there is none, the dead token cleared up where it is; else nobody is asked."""
    told = {standing: BOOTSTRAP.instructions(standing, url=URL, user="", put=PUT) for standing in Standing}
    assert told[Standing.VALID] == ""
    assert [standing for standing, text in told.items() if "Create the admin user" in text] == [Standing.NO_USERS]
    assert [standing for standing, text in told.items() if "is expired or revoked" in text] == [Standing.INVALID]
    for standing in (Standing.NO_USERS, Standing.NO_TOKEN):
        assert "Template Admin" in told[standing]
        assert "7 days at most" in told[standing]
        assert "CODER_MAX_ADMIN_TOKEN_LIFETIME" in told[standing]


def test_a_fresh_server_is_entered(server: Server) -> None:
    """The first user is made and logged in, with nothing beside the account; the session mints."""
    session = server.enter()
    assert server.calls() == [("GET", FIRST), ("POST", FIRST), ("POST", LOGIN)]
    assert server.seen[1].json() == {"username": "admin", "email": "admin@example.com", "password": PASSWORD}
    backend = connect("coder", server.faults, session, server.clock, print)
    minted = backend.mint(an_order(server.clock(), lifetime=7 * DAY, spec={}))
    assert server.standing(minted.value) is Standing.VALID


def test_a_server_with_users_is_logged_in_to(server: Server) -> None:
    """No user is made where there is one."""
    server.add_user()
    assert server.standing(server.enter()) is Standing.VALID
    assert ("POST", FIRST) not in server.calls()


def test_somebody_was_quicker(server: Server) -> None:
    """Where another made the first user in between, the login decides."""

    def raced(request: Request) -> Response:
        answer = server.handle(request)
        if request.path == FIRST and request.method == "GET":
            server.add_user()
        return answer

    assert BOOTSTRAP.enter("coder", raced, ACCOUNT, server.clock)
    assert server.calls() == [("GET", FIRST), ("POST", FIRST), ("POST", LOGIN)]


@pytest.mark.parametrize("path", [FIRST, LOGIN])
def test_a_lost_answer_is_asked_for_again(server: Server, path: str) -> None:
    """A second first user cannot be made, and a session of which no answer came ends by itself."""
    server.faults.lose_answer(method="POST", path=path)
    assert server.standing(server.enter()) is Standing.VALID


@pytest.mark.parametrize(
    "login", [Login("admin", ACCOUNT.email, "a wrong Passw0rd"), Login("b", "b@x.example", PASSWORD)]
)
def test_a_login_that_is_refused(server: Server, login: Login) -> None:
    """The account is named, what to do is said, and the password stands nowhere."""
    server.add_user()
    error = raised(Unauthorised, lambda: server.enter(login))
    assert login.email in error.act
    assert login.username in error.remedy
    assert not reveals(told_by(error), login.password)


def test_a_weak_password(server: Server) -> None:
    """The server's refusal is told with a remedy; no user was made."""
    error = raised(Refused, lambda: server.enter(Login("admin", "admin@example.com", "weak")))
    assert "Password not strong enough" in error.cause
    assert "stronger password" in error.remedy
    assert server.standing() is Standing.NO_USERS


@pytest.mark.parametrize("status", [400, 401, 403, 409, 429, 500])
@pytest.mark.parametrize("path", [FIRST, LOGIN])
def test_a_password_that_the_server_repeats_is_not_told(server: Server, path: str, status: int) -> None:
    """Not in an error, whichever way the server writes it."""

    def indiscreet(request: Request) -> Response:
        if request.method == "POST" and request.path == path:
            return json_response(status, {"message": f"no: {PASSWORD}", "detail": request.body.decode()})
        return server.handle(request)

    error = _outcome(lambda: BOOTSTRAP.enter("coder", indiscreet, ACCOUNT, server.clock))
    assert not reveals(told_by(error), PASSWORD)
    assert not reveals(told_by(ACCOUNT), PASSWORD)


@pytest.mark.parametrize(
    "body", [{}, [], {"session_token": ""}, {"session_token": 7}, {"session_token": None}], ids=repr
)
def test_a_login_without_a_session(server: Server, body: object) -> None:
    """An answer of another shape is no session."""
    server.add_user()

    def odd(request: Request) -> Response:
        return json_response(201, body) if request.path == LOGIN else server.handle(request)

    raised(Unavailable, lambda: BOOTSTRAP.enter("coder", odd, ACCOUNT, server.clock))


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except BackendError as error:
        return error
