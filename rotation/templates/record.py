"""What is told of a template's deployments: counts and instants, and nothing with which anything could be done."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from rotation.receipt import Instant

RECORD_PREFIX = "template."
"""How its key begins among the receipts."""


class TemplateRecord(BaseModel):
    """One template.

    version:      the name of the version that was made active last
    digest:       of its content; empty, and files and bytes 0, where the config asks for an earlier version
    job_seconds:  how long the server took to build it; 0 where it had been built before
    deployed_at:  when it was made active
    deployments, failures: how often; each number only grows
    error:        why the last attempt failed; empty when it succeeded
    """

    model_config = ConfigDict(frozen=True)

    template: str
    backend: str
    version: str = ""
    digest: str = ""
    files: int = 0
    bytes: int = 0
    job_seconds: float = 0.0
    deployed_at: Instant | None = None
    deployments: int = 0
    failures: int = 0
    failed_at: Instant | None = None
    error: str = ""


def read_template_record(text: str) -> TemplateRecord:
    """Read an entry. Raises ValidationError."""
    return TemplateRecord.model_validate_json(text)
