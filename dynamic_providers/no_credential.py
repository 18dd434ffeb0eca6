"""A backend that nobody can ask, because the credential for it cannot be read: each question is answered with why."""

from __future__ import annotations

from typing import Any

from rotation.backends.protocol import Capabilities
from rotation.errors import RotationError, Unauthorised


class NoCredential:
    """Stands where an adapter would: an error at its making would end the run for the tokens of every other backend.

    Every call raises Unauthorised with the cause.
    """

    def __init__(self, name: str, capabilities: Capabilities, error: RotationError) -> None:
        self.name = name
        self.capabilities = capabilities
        self._error = error

    def __getattr__(self, _method: str) -> Any:
        return self._refuse

    def _refuse(self, *_arguments: Any, **_named: Any) -> Any:
        error = self._error
        raise Unauthorised(error.act, error.cause, error.remedy, backend=self.name)
