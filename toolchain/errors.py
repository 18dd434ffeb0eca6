"""What can go wrong on the way to a tool.

ToolchainError
├── ToolMissingError     nobody has set the tool up yet; raised by `locate`
├── UnobtainableError    one way (download, build, wheel) did not work; the next way is tried
└── SetUpError           every way to a tool failed; the message lists each with its cause
"""


class ToolchainError(Exception):
    """Base of every error that this package raises on purpose."""


class ToolMissingError(ToolchainError):
    """A tool is neither on PATH at an accepted version nor in the cache."""


class UnobtainableError(ToolchainError):
    """One way to a tool failed. `cause` says why, `remedy` what a person can do about it (may be empty)."""

    def __init__(self, cause: str, *, remedy: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class SetUpError(ToolchainError):
    """No way led to a tool that is needed."""
