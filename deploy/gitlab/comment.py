"""Puts a file as a comment on the merge request of this pipeline: `python deploy/gitlab/comment.py comment.md`.

It reads GitLab's own variables (CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID) and COMMENT_TOKEN.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx


def post(body: str, environ: Mapping[str, str]) -> None:
    """One comment. Raises httpx.HTTPStatusError, KeyError where a variable is not set."""
    project, request = environ["CI_PROJECT_ID"], environ["CI_MERGE_REQUEST_IID"]
    url = f"{environ['CI_API_V4_URL']}/projects/{project}/merge_requests/{request}/notes"
    answer = httpx.post(url, headers={"PRIVATE-TOKEN": environ["COMMENT_TOKEN"]}, json={"body": body}, timeout=30)
    answer.raise_for_status()


if __name__ == "__main__":
    post(Path(sys.argv[1]).read_text(), os.environ)
