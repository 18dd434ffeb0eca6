from __future__ import annotations

import pytest

from rotation.backends.transport import Request, Response, json_request
from sandbox.faults import Fault, Faults
from tests.sandbox.authentik_world import World

TOKENS = "/api/v3/core/tokens/"


class Faulty:
    """A server behind faults, asked for tokens."""

    def __init__(self) -> None:
        self.world = World()
        self.slept: list[float] = []
        self.faults = Faults(self.world.server.handle, sleep=self.slept.append)

    def send(self, method: str, path: str, payload: object = None) -> Response:
        headers = {"authorization": f"Bearer {self.world.admin}"}
        return self.faults(json_request(method, path, payload, headers=headers))


@pytest.fixture
def faulty() -> Faulty:
    return Faulty()


def test_without_faults_requests_pass(faulty: Faulty) -> None:
    """Nothing is changed until a fault is asked for."""
    assert faulty.send("GET", TOKENS).status == 200
    assert not faulty.faults.met


def test_refusals_are_counted_down_and_do_not_act(faulty: Faulty) -> None:
    """The next N requests that match are refused, with Retry-After when given; then all is well."""
    faulty.faults.refuse(429, method="POST", path=TOKENS, times=2, retry_after=7)
    assert faulty.send("GET", TOKENS).status == 200
    assert faulty.send("POST", "/api/v3/core/users/", {"username": "a", "name": "a"}).status == 201
    answers = [faulty.send("POST", TOKENS, {"identifier": "one"}) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 201]
    assert answers[0].headers["retry-after"] == "7"
    assert faulty.faults.met == {"refuse": 2}


def test_a_lost_answer_was_acted_upon(faulty: Faulty) -> None:
    """The client gets no answer, and the token is there."""
    faulty.faults.lose_answer(method="POST")
    with pytest.raises(ConnectionError):
        faulty.send("POST", TOKENS, {"identifier": "one"})
    assert faulty.send("GET", f"{TOKENS}one/").status == 200


def test_a_dropped_request_was_not_acted_upon(faulty: Faulty) -> None:
    """The client gets no answer, and there is no token."""
    faulty.faults.drop(method="POST")
    with pytest.raises(ConnectionError):
        faulty.send("POST", TOKENS, {"identifier": "one"})
    assert faulty.send("GET", f"{TOKENS}one/").status == 404


def test_a_server_that_is_down_refuses_everything(faulty: Faulty) -> None:
    """Down lasts until it is up again."""
    faulty.faults.down = True
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            faulty.send("GET", TOKENS)
    faulty.faults.down = False
    assert faulty.send("GET", TOKENS).status == 200


def test_a_delay_waits_and_acts(faulty: Faulty) -> None:
    """The answer comes, later."""
    faulty.faults.delay(2.5)
    assert faulty.send("GET", TOKENS).status == 200
    assert faulty.slept == [2.5]


def test_the_first_fault_asked_for_is_met_first(faulty: Faulty) -> None:
    """Faults queue up; clearing forgets what is left."""
    faulty.faults.refuse(500)
    faulty.faults.refuse(403)
    faulty.faults.refuse(429)
    assert [faulty.send("GET", TOKENS).status for _ in range(2)] == [500, 403]
    assert faulty.faults.pending == [Fault("refuse", status=429)]
    faulty.faults.clear()
    assert faulty.send("GET", TOKENS).status == 200


def test_a_prefix_means_a_prefix() -> None:
    """A fault for one path does not touch its neighbours."""
    fault = Fault("refuse", path=TOKENS)
    assert fault.matches(Request("GET", f"{TOKENS}one/"))
    assert not fault.matches(Request("GET", "/api/v3/core/users/"))
