"""What the engine shows of a failed verb: which token, where, which act, why, what to do; and never a value."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from dynamic_providers.verbs import VerbError
from rotation.backends.protocol import Backend
from rotation.backends.transport import Request, Response, json_response
from rotation.errors import ClusterError
from tests.dynamic_providers.line import PROVIDERS, Line
from tests.dynamic_providers.world import World

PLANTED = 'planted/value+with"odd=signs'
FORMS = {
    "text": PLANTED,
    "base64": base64.b64encode(PLANTED.encode()).decode(),
    "url": quote(PLANTED, safe=""),
    "json": json.dumps(PLANTED)[1:-1],
}
ECHO = " ".join(FORMS.values())
STATE = {"value": PLANTED, "previous": PLANTED, "token": "admin", "backend": "authentik"}

Call = Callable[[object, dict[str, object]], object]
VERBS: dict[str, Call] = {
    "check": lambda provider, props: provider.check(props, props),  # type: ignore[attr-defined]
    "diff": lambda provider, props: provider.diff("id", props, props),  # type: ignore[attr-defined]
    "create": lambda provider, props: provider.create(props),  # type: ignore[attr-defined]
    "update": lambda provider, props: provider.update("id", props, props),  # type: ignore[attr-defined]
    "read": lambda provider, props: provider.read("id", props),  # type: ignore[attr-defined]
    "delete": lambda provider, props: provider.delete("id", props),  # type: ignore[attr-defined]
}


class _Echoing:
    """Props that fail at whatever is taken from them, with every form of the planted value in the message."""

    def __init__(self) -> None:
        self.hit = False

    def props(self) -> dict[str, object]:
        outer = self

        class Failing(dict):  # type: ignore[type-arg]
            def __getitem__(self, name: str) -> object:
                outer.hit = True
                raise RuntimeError(f"no {name} in {ECHO}")

        return Failing(STATE)


def _hides_all(text: str) -> bool:
    return not any(form in text for form in FORMS.values())


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_lets_a_value_out_in_an_error(line: Line, kind: str, verb: str) -> None:
    """Text, base64, URL and JSON form of a value in the state are taken out of whatever error a verb raises."""
    echoing = _Echoing()
    with line._process():
        failed = _failure_of(lambda: VERBS[verb](PROVIDERS[kind](), echoing.props()))
    assert (failed is not None) == echoing.hit
    if failed is not None:
        assert (_hides_all(str(failed)), "RuntimeError" in str(failed)) == (True, True)
        assert (failed.__cause__, failed.__suppress_context__) == (None, True)


def _failure_of(act: Callable[[], object]) -> VerbError | None:
    try:
        act()
    except VerbError as error:
        return error
    return None


class EchoingWorld(World):
    """A server that answers what it cannot do with the credential that it was sent, in every form."""

    def __init__(self) -> None:
        super().__init__()
        self.credential = self.server.issue("akadmin", "planted", key=PLANTED, expiring=False)
        self.echoing = ""

    def _answer(self, request: Request) -> Response:
        if self.echoing and request.method == self.echoing:
            return json_response(500, {"detail": ECHO})
        return super()._answer(request)

    def connect(self, name: str) -> Backend:
        from dynamic_providers import process  # noqa: PLC0415 - the run of the moment

        process.current().scrubber.remember(self.credential)
        return super().connect(name)


def _everything(line: Line, world: World) -> str:
    """All that is told or kept without encryption: lines, receipts, and the ledger in the state."""
    kept = [line.state[key]["outputs"] for key in line.state if key.split()[0] in ("retirement", "sweep", "guard")]
    return json.dumps([line.said, world.cluster.entries, kept])


def test_a_server_that_echoes_the_credential_gives_nothing_away() -> None:
    """In the error of a mint, the line of a deferred rotation, and the receipt of a failed revocation."""
    world = EchoingWorld()
    line = Line(world)
    world.echoing = "POST"
    with pytest.raises(VerbError) as failed:
        line.run()
    assert (_hides_all(str(failed.value)), "HTTP 500" in str(failed.value)) == (True, True)
    world.echoing = ""
    line.run()
    world.later(days=60)
    world.echoing = "GET"
    line.run()
    assert ("HTTP 500" in line.said[0], _hides_all(_everything(line, world))) == (True, True)
    world.echoing = ""
    line.run()
    world.later(days=30)
    world.echoing = "DELETE"
    line.run()
    assert ("HTTP 500" in line.outputs("retirement")["failed"][0], _hides_all(_everything(line, world))) == (True, True)


class _Telling(ClusterError):  # noqa: N818 - as its kin
    """A refusal of the cluster with the planted value in it, in every form."""

    def __init__(self, act: str, _cause: str, remedy: str) -> None:
        super().__init__(act, ECHO, remedy)


def test_an_expected_error_is_scrubbed_too() -> None:
    """Typed or not, no error leaves a verb as it is."""
    world = EchoingWorld()
    line = Line(world)
    world.cluster.fail = {"write": _Telling}
    with pytest.raises(VerbError) as failed:
        line.run()
    assert (_hides_all(str(failed.value)), "Telling: write admin" in str(failed.value)) == (True, True)


def test_a_new_value_is_in_no_error(line: Line, world: World) -> None:
    """A mint whose probe fails, by a server that names the bearer, does not tell the new value."""
    handle = world.faults._handler
    seen: list[str] = []

    def echo(request: Request) -> Response:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer != world.credential:
            seen.append(bearer)
            return json_response(403, {"detail": f"{'x' * 220} {bearer}"})
        return handle(request)

    world.faults._handler = echo
    with pytest.raises(VerbError, match="ProbeFailed") as failed:
        line.run()
    assert (bool(seen), any(seen[0][:20] in text for text in [str(failed.value), *line.said])) == (True, False)


def test_no_value_is_told_or_kept_in_a_whole_life(line: Line, world: World) -> None:
    """Through mint, rotation, failed revocation and orphan, lines, receipts and ledgers hold no value."""
    line.run()
    values = [line.outputs("token")["value"], world.credential]
    world.later(days=60)
    line.run()
    values.append(line.outputs("token")["value"])
    world.faults.refuse(500, method="DELETE", times=100)
    world.later(days=30)
    line.run()
    assert not any(value in _everything(line, world) for value in values)


def test_an_error_names_everything(line: Line, world: World) -> None:
    """Type, act, token, backend, cause and remedy, in one line."""
    world.faults.refuse(400, method="POST")
    with pytest.raises(VerbError) as failed:
        line.run()
    assert str(failed.value) == (
        "Refused: mint admin at authentik: HTTP 400 (refused on request of the sandbox)."
        " Change what the config asks for to what the server accepts."
    )


def test_an_error_of_the_cluster_names_its_token_too(line: Line, world: World) -> None:
    """A receipt that cannot be written: token, backend, act, cause and remedy."""
    world.cluster.fail = {"write": ClusterError}
    with pytest.raises(VerbError) as failed:
        line.run()
    assert str(failed.value) == "ClusterError: write admin at authentik: the test asked for it. Heal the cluster."


def test_an_error_of_the_guard_names_its_backend(line: Line, world: World) -> None:
    """Before any token there is a backend, and the remedy is the credential."""
    world.credential = "nobody's"
    with pytest.raises(VerbError, match=r"Unauthorised: check the credential authentik: HTTP 403.*Check that the cred"):
        line.run()
    assert world.mints() == 0


def test_a_retirement_whose_pair_failed_says_so(line: Line) -> None:
    """Should the engine have it act without the outputs of its pair, it answers in words and retires nothing."""
    line.run()
    stored = line.state["retirement admin"]
    lacking = {name: text for name, text in stored["inputs"].items() if name not in ("expires", "superseded")}
    with line._process():
        provider = PROVIDERS["retirement"]()
        failed = _failure_of(lambda: provider.update(stored["id"], stored["outputs"], lacking))
    assert str(failed).startswith("RotationError: retire admin at authentik: its pair failed in this run.")
