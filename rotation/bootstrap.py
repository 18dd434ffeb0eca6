"""Where a server stands before it takes our credential, and how a first credential is come by. Types alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from rotation.backends.transport import Transport
from rotation.clock import Clock

PLACEHOLDER = "placeholder-"
"""How a value begins that only holds the place of a token."""


class Standing(StrEnum):
    """The four states of seed 004."""

    NO_USERS = "NoUsers"
    NO_TOKEN = "NoToken"  # noqa: S105 - a state
    VALID = "Valid"
    INVALID = "Invalid"


@dataclass(frozen=True)
class Login:
    """The account of the automatic path; it is made where the server has no user at all."""

    username: str
    email: str
    password: str = field(repr=False)


class Bootstrap(Protocol):
    """What a kind of backend adds that can begin without a credential. No call shows a value."""

    def standing(self, name: str, transport: Transport, credential: str, clock: Clock) -> Standing:
        """Which of the four it is; reads only. An empty credential, or a placeholder, is none.

        Raises Unavailable and the other typed errors where the server does not tell.
        """

    def instructions(self, standing: Standing, *, url: str, user: str, put: str) -> str:
        """What a person has to do, step by step, with everything filled in.

        user: whose token it shall be; empty where nothing tells
        put:  the last step: how the value gets to where the stack reads it (from standard input, never an argument)
        """

    def enter(self, name: str, transport: Transport, login: Login, clock: Clock) -> str:
        """Make the first user where there is none, log in, and return the session's value, to mint with.

        Raises Refused or Unauthorised with what to do.
        """
