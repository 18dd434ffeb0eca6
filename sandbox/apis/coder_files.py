"""Uploads to the simulated Coder, and their content as a provisioner reads it: plain tars, and tars made of zips."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import Call, refused
from sandbox.apis.coder_records import File

LARGEST = 100 * 1024 * 1024
"""What an upload may hold, in bytes."""
_TAR, _ZIP = "application/x-tar", "application/zip"
_VARIABLE = re.compile(r'^\s*variable\s+"(?P<name>[\w-]+)"\s*\{', re.MULTILINE)
_DEFAULT = re.compile(r"\bdefault\s*=")


def upload(call: Call) -> Response:
    """Keep a file. The same content of the same user is the same file; what is in a tar is not looked at here."""
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    kind = headers.get("content-type", "")
    if kind not in {_TAR, _ZIP}:
        raise refused(400, f'Unsupported content type header "{kind}".')
    if len(call.request.body) > LARGEST:
        raise refused(400, "Failed to read file from request.", "http: request body too large")
    content = call.request.body if kind == _TAR else _tar_of_zip(call.request.body)
    digest = hashlib.sha256(content).hexdigest()
    for file in call.store.files.values():
        if file.digest == digest and file.owner is call.who:
            return json_response(200, {"hash": file.id})
    file = File(call.store.new_id(), call.who, content, digest)
    call.store.files[file.id] = file
    return json_response(201, {"hash": file.id})


def texts_of(content: bytes) -> dict[str, str]:
    """Names and texts of a plain tar. Raises ValueError with the server's words for anything else."""
    try:
        return dict(_texts(content)) if content else {}
    except tarfile.ReadError:
        raise ValueError("archive/tar: invalid tar header") from None


def unset_variables(texts: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Variables of the root module that have neither a default nor a value, in their order."""
    declared = ((match, source) for source in root_module(texts) for match in _VARIABLE.finditer(source))
    return [
        match["name"]
        for match, source in declared
        if match["name"] not in given and not _DEFAULT.search(_block(source, match.end()))
    ]


def root_module(texts: Mapping[str, str]) -> list[str]:
    """The Terraform files at the top; what lies in folders are modules of their own."""
    return [text for name, text in sorted(texts.items()) if name.endswith(".tf") and "/" not in name]


def _block(source: str, start: int) -> str:
    """From after an opening brace to its closing one."""
    depth = 1
    for end in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        if depth == 0:
            return source[start:end]
    return source[start:]


def _texts(content: bytes) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:  # never a compressed one
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name.removeprefix("./"), file.read().decode(errors="replace")


def _tar_of_zip(content: bytes) -> bytes:
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source, tarfile.open(fileobj=target, mode="w") as archive:
            for name in source.namelist():
                info = tarfile.TarInfo(name)
                info.size = source.getinfo(name).file_size
                archive.addfile(info, io.BytesIO(source.read(name)))
    except zipfile.BadZipFile as problem:
        raise refused(400, "Incomplete .zip archive file.", f"zip: not a valid zip file: {problem}") from None
    return target.getvalue()
