"""How a backend is begun with that can be reached before it takes a credential of ours: the four states of seed 004.

`check` asks for the state and tells what a person has to do; only a `create` enters by itself, since a dry run must
make nobody's first user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.backends.protocol import Backend
from rotation.bootstrap import Standing
from rotation.bootstrap_note import NOTE_PREFIX, BootstrapNote, read_bootstrap_note
from rotation.errors import BackendError
from rotation.receipt import secret_target

if TYPE_CHECKING:
    from dynamic_providers.state import Run

SHUT = "it takes no credential of ours yet"
_CAUSES = {
    Standing.NO_USERS: "the server has no user yet",
    Standing.NO_TOKEN: "no token was given yet with which others could be minted",
    Standing.INVALID: "the server refuses the token that stands there",
}


@dataclass(frozen=True)
class Entrance:
    """The way into one backend.

    standing: asks for its state; reads only
    instruct: what a person has to do in a state, with everything filled in
    enter:    the automatic path: makes the first user where there is none, logs in, and returns an adapter that mints
              with the session; None where the config names no account for it
    place:    the Secret that the credential is read from, `namespace/name`; empty for another source
    """

    standing: Callable[[], Standing]
    instruct: Callable[[Standing], str]
    enter: Callable[[], Backend] | None = None
    place: str = ""


def standing_of(run: Run, backend: str) -> Standing | None:
    """The state, asked for once in a run; None for a kind without states, and where the server does not tell."""
    entrance = run.entrance(backend)
    if entrance is None:
        return None
    found: Standing | None = run.once(f"the standing of {backend}", lambda: _asked(entrance))
    return found


def is_shut(run: Run, backend: str) -> bool:
    """Whether nothing can be asked there: it takes no credential of ours, and this run has not entered by itself."""
    return backend not in run.entered and standing_of(run, backend) in _CAUSES


def is_own(run: Run, backend: str, places: list[str]) -> bool:
    """Whether the credential of a backend is what a token publishes at one of its places."""
    entrance = run.entrance(backend)
    return entrance is not None and entrance.place in places


def comes_back(run: Run, token: str, was: list[str], backend: str) -> bool:
    """Whether a run puts the credential back: its Secret is gone, and the state holds what this token published there.

    A refresh makes the Secret anew. Whether the value still works is asked by the run after that.
    """
    found, receipt = run.entrance(backend), run.receipt(token, was)
    if found is None or receipt is None or standing_of(run, backend) is not Standing.NO_TOKEN:
        return False
    return secret_target(found.place) in receipt.published and run.place_is_empty(found.place)


def lacking(run: Run, backend: str) -> str:
    """Why only a person can go on, as a clause; empty where nothing is lacking, or this run can enter by itself."""
    standing, entrance = standing_of(run, backend), run.entrance(backend)
    if entrance is None or entrance.enter is not None or standing is None or not is_shut(run, backend):
        return ""
    return f"{_CAUSES[standing]}; a person has to give one, see the steps"


def instructions(run: Run, backend: str) -> str:
    """What that person has to do; empty where nobody is needed."""
    standing, entrance = standing_of(run, backend), run.entrance(backend)
    return entrance.instruct(standing) if entrance and standing and lacking(run, backend) else ""


def enter(run: Run, backend: str) -> None:
    """Enter by the automatic path where it is needed and there is one. Raises BackendError."""
    entrance = run.entrance(backend)
    if entrance is not None and entrance.enter is not None and is_shut(run, backend):
        run.admit(backend, entrance.enter())


def tell(run: Run, token: str, backend: str) -> None:
    """Say the steps where preview and up show them, each once in a run."""
    run.once(f"the steps for {token}", lambda: _say_steps(run, backend))


def leave_note(run: Run, token: str, backend: str) -> None:
    """Tell a token's state beside the receipts, while it has none of its own. Raises ClusterError."""
    standing, told = standing_of(run, backend), run.kept(NOTE_PREFIX + token)
    before = read_bootstrap_note(told) if told else None
    since = before.since if before and before.standing == standing else run.now
    note = BootstrapNote(
        token=token,
        backend=backend,
        kind=run.kind(backend),
        standing=str(standing),
        instructions=instructions(run, backend),
        since=since,
    )
    if note != before:
        run.cluster.write_receipt(NOTE_PREFIX + token, note.model_dump_json())


def _say_steps(run: Run, backend: str) -> None:
    for line in instructions(run, backend).splitlines():
        run.say(f"  {run.scrubber.scrub(line)}")


def _asked(entrance: Entrance) -> Standing | None:
    """No answer, or one that tells nothing, is no state: what is asked next says so in its own words."""
    try:
        return entrance.standing()
    except BackendError:
        return None
