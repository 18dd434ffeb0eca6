"""Tells people, by a webhook, what a run did. Whether anybody listens never decides what the run ends with.

The url of a webhook often holds a key: it stands in no log line, no error and no record.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import stamina
from pydantic import SecretStr

from operations.deadlines import answers

FORMAT_VARIABLE = "TOKEN_ROTATION_NOTIFICATION_FORMAT"
KEPT = 10
"""So many notifications that nobody took are kept for the next run; older ones go first."""
LONGEST_TEXT = 2000
"""Characters of one notification: what a ConfigMap keeps ten of, and every receiver takes."""
_TIME_LIMIT = httpx.Timeout(10.0, connect=5.0)
_ATTEMPTS, _RETRY_SECONDS = 4, 30.0
_LIMIT_SECONDS = 45.0
"""For one notification, with all its attempts: a receiver that answers drop by drop must not hold up a run."""
_LATE = "(told late) "

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the url of each request


class Format(StrEnum):
    """How a receiver wants it: our own JSON, Slack's (Mattermost and others take it, too), or ntfy's headers."""

    JSON = "json"
    SLACK = "slack"
    NTFY = "ntfy"


class Wishes(Protocol):
    """What is asked of `rotation.preferences.Preferences`."""

    @property
    def notification_enabled(self) -> bool: ...

    @property
    def notification_webhook(self) -> SecretStr | None: ...


@dataclass(frozen=True)
class Message:
    """One notification. `grave`: somebody should act. `facts` is for receivers that read JSON."""

    title: str
    lines: Sequence[str] = ()
    grave: bool = False
    facts: Mapping[str, str | int] | None = None

    @property
    def text(self) -> str:
        """All of it, title first, cut to what every receiver takes."""
        return "\n".join([self.title, *self.lines])[:LONGEST_TEXT]


class NotTaken(Exception):  # noqa: N818 - it is what happened
    """The receiver did not take it: why, without its url. `again`: another attempt may help."""

    def __init__(self, cause: str, *, again: bool) -> None:
        super().__init__(cause)
        self.again = again


def notify(wishes: Wishes, message: Message, environ: Mapping[str, str] = os.environ) -> bool:
    """Send it where people asked for notifications; False: nobody took it. Nothing is raised."""
    return not wanted(wishes) or not undelivered(wishes, [], message, environ)[0]


def wanted(wishes: Wishes) -> bool:
    """Whether there is anybody to tell."""
    return wishes.notification_enabled and wishes.notification_webhook is not None


def kept(waiting: Sequence[str], message: Message | None) -> list[str]:
    """What waits from now on, where it is not known who is to be told."""
    return [*waiting, *([message.text] if message else [])][-KEPT:]


def undelivered(
    wishes: Wishes, waiting: Sequence[str], message: Message | None, environ: Mapping[str, str] = os.environ
) -> tuple[list[str], str]:
    """Send what waits from earlier runs, then this; returns the texts that nobody took, and why.

    The first failure ends it: a receiver that is away is away for all, and a run must not wait for each.
    """
    url = wishes.notification_webhook
    if not wishes.notification_enabled or url is None:
        return [], ""
    queue = [Message(_LATE + text.removeprefix(_LATE)) for text in waiting]
    queue += [message] if message else []
    form = _form(url.get_secret_value(), environ.get(FORMAT_VARIABLE, ""))
    for number, item in enumerate(queue):
        try:
            _send(url.get_secret_value(), _payload(form, item))
        except NotTaken as error:
            return [left.text for left in queue[number:]][-KEPT:], str(error)
    return [], ""


def _form(url: str, wish: str) -> Format:
    """The wish where it names a format, else what the url looks like."""
    if wish.lower() in set(Format):
        return Format(wish.lower())
    try:
        parts = urlsplit(url)
    except ValueError:  # sending it will tell
        return Format.JSON
    host, path = parts.hostname or "", parts.path
    if host == "hooks.slack.com" or path.endswith("/slack") or path.startswith("/hooks/"):
        return Format.SLACK
    if host.split(".")[0] == "ntfy":
        return Format.NTFY
    return Format.JSON


def _payload(form: Format, message: Message) -> tuple[bytes, dict[str, str]]:
    """Body and headers."""
    if form is Format.NTFY:
        headers = {
            "Title": _ascii(message.title),
            "Priority": "high" if message.grave else "default",
            "Tags": "warning" if message.grave else "key",
        }
        return ("\n".join(message.lines) or message.title)[:LONGEST_TEXT].encode(), headers
    body = _slack(message) if form is Format.SLACK else _json(message)
    return json.dumps(body).encode(), {"Content-Type": "application/json"}


def _json(message: Message) -> dict[str, object]:
    facts = dict(message.facts or {})
    return {"title": message.title, "text": message.text, "grave": message.grave, "lines": list(message.lines), **facts}


def _slack(message: Message) -> dict[str, object]:
    """`text` is what a phone shows and what receivers without blocks take."""
    blocks = [_section(f"*{_escaped(message.title)}*")]
    blocks += [_section(_escaped("\n".join(message.lines))[:LONGEST_TEXT])] if message.lines else []
    return {"text": _escaped(message.text), "blocks": blocks}


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """Slack reads these three as markup: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ascii(text: str) -> str:
    """A header holds one line of ASCII."""
    return " ".join(text.encode("ascii", "replace").decode().split())


def _send(url: str, payload: tuple[bytes, dict[str, str]]) -> None:
    """Raises NotTaken after the last attempt, or when it took too long."""
    taken = answers([lambda: _try(url, payload)], timedelta(seconds=_LIMIT_SECONDS))
    if taken == [None]:
        raise NotTaken("no answer in time", again=False)


def _try(url: str, payload: tuple[bytes, dict[str, str]]) -> bool:
    for attempt in stamina.retry_context(
        on=lambda error: isinstance(error, NotTaken) and error.again,
        attempts=_ATTEMPTS,
        timeout=_RETRY_SECONDS,
        wait_initial=1.0,
        wait_max=10.0,
    ):
        with attempt:
            _post(url, *payload)
    return True


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        status = httpx.post(url, content=body, headers=dict(headers), timeout=_TIME_LIMIT).status_code
    except Exception as error:  # noqa: BLE001 - whatever it answers, and however it is set up, a webhook fails no run
        raise NotTaken(f"no answer ({type(error).__name__})", again=isinstance(error, httpx.TransportError)) from None
    if status >= 300:
        raise NotTaken(f"HTTP {status}", again=status == 429 or status >= 500)
