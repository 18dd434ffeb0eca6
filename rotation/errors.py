"""What can go wrong, as types that somebody catches, and one form of message: act, token, backend, cause, remedy.

    RotationError
    ├── InvalidSettings          the stack's config cannot be used; nothing was touched
    ├── StateIsOlder             the stored state is older than what was published
    ├── StateIsNewer             the stored state was written by a newer release
    ├── ClusterError             the receipt or a Secret could not be read or written
    ├── WaitingForDependency     something that must be ready before a mint is not
    ├── UnfitTemplate            a template's files cannot be packed
    ├── BootstrapNeeded          there is no credential yet, or no more, and a person has to give one
    └── BackendError             an answer, or the lack of one, from a backend
        ├── Unauthorised         the credential is dead or may not do this
        ├── NotFound             the backend says that the object does not exist
        ├── Conflict             the name is taken
        ├── Refused              the backend refuses what was asked (validation)
        │   ├── GrantedTooShort  it granted a life too short for the policy
        │   ├── ProbeFailed      a new token does not work
        │   └── ClockSkew        its clock and ours are too far apart
        ├── RateLimited          asked too often; nothing was done
        └── Unavailable          no answer, or none that tells; the act may have happened

Messages never hold a body, a header or a value.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Self


class RotationError(Exception):
    """The base of all errors raised on purpose: says what was attempted, why it failed, and what to do."""

    def __init__(self, act: str, cause: str, remedy: str = "", *, token: str = "", backend: str = "") -> None:
        super().__init__(act, cause, remedy)
        self.act = act
        self.cause = cause
        self.remedy = remedy
        self.token = token
        self.backend = backend

    def about(self, token: str = "", backend: str = "") -> Self:
        """Add the names that the place of the failure did not know; returns the same error, to be raised."""
        self.token = self.token or token
        self.backend = self.backend or backend
        return self

    def __str__(self) -> str:
        subject = " at ".join(part for part in (self.token, self.backend) if part)
        head = f"{self.act} {subject}" if subject else self.act
        return f"{type(self).__name__}: {head}: {self.cause}." + (f" {self.remedy}" if self.remedy else "")


class InvalidSettings(RotationError):  # noqa: N818 - the name is part of the messages people read
    """The stack's config cannot be used."""


class StateIsOlder(RotationError):  # noqa: N818
    """The stored state is older than what was published: it was probably restored from a copy."""


class StateIsNewer(RotationError):  # noqa: N818
    """The stored state was written by a newer release than this one, which cannot know what it would lose."""


class ClusterError(RotationError):
    """The Kubernetes API did not do what was asked."""


class ClusterAway(ClusterError):  # noqa: N818
    """The Kubernetes API gave no answer."""


class WaitingForDependency(RotationError):  # noqa: N818
    """Something that must be ready before a mint is not."""


class UnfitTemplate(RotationError):  # noqa: N818
    """A template's files cannot be packed, or not be read; every other resource goes on."""


class BootstrapNeeded(RotationError):  # noqa: N818
    """A backend has no credential that it takes, and only a person can give it one."""


class BackendError(RotationError):
    """A backend did not do what was asked."""


class Unauthorised(BackendError):  # noqa: N818
    """The credential is not accepted, or may not do this."""


class NotFound(BackendError):  # noqa: N818
    """The backend says that the object does not exist."""


class Conflict(BackendError):  # noqa: N818
    """The name is taken."""


class Refused(BackendError):  # noqa: N818
    """The backend refuses the request as it is; asking again changes nothing."""


class GrantedTooShort(Refused):
    """The granted life cannot hold the policy."""


class ProbeFailed(Refused):
    """The new token does not work, or belongs to somebody else."""


class ClockSkew(Refused):
    """The backend's clock and ours disagree by more than is safe."""


class RateLimited(BackendError):  # noqa: N818
    """Asked too often; the act did not happen. `retry_after` is the backend's wish, or None."""

    retry_after: timedelta | None = None


class Unavailable(BackendError):  # noqa: N818
    """No answer, or one that does not tell whether the act happened."""
