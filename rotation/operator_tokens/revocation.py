"""The end of a team: all its tokens at once, and nothing more until a person restores it."""

from __future__ import annotations

from datetime import timedelta

from rotation.clock import Clock
from rotation.errors import BackendError, Conflict
from rotation.events import Happening
from rotation.operator_tokens import changes
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.published import OperationalSecret, PublishedSecrets, absent, refuse_strange_namespace
from rotation.operator_tokens.record import Record, Status
from rotation.operator_tokens.standing import Seen, changed, holds_ours, sentence, standing
from rotation.operator_tokens.store import RecordStore

_EMPTYINGS = 5
_NO_TIME = timedelta(0)  # without a token that is accepted no overlap matters


class Revocation:
    """Revokes teams and restores them. The record comes first: it is what lets a token in."""

    def __init__(self, store: RecordStore, published: PublishedSecrets, events: Events, clock: Clock) -> None:
        self._store = store
        self._published = published
        self._events = events
        self._clock = clock

    def revoke_team(self, namespace: str) -> Record:
        """End every token of a namespace in one change, then empty its Secret; again, it ends what is left.

        A namespace that has no record gets one, so that nothing is minted for it. The Secret stays, without values, so
        that its Events are found and its owner still owns it. Raises BackendError, also where only the Secret failed.
        """
        act = f"revoke the team of {namespace}"
        refuse_strange_namespace(act, namespace)
        record, news = self._change(namespace, act, revoked=True)
        secret = absent(namespace)
        try:
            secret = self.empty(record)
        except BackendError as error:
            cause = f"its tokens are revoked, but its Secret still holds them: {error.cause}"
            raise type(error)(act, cause, error.remedy, backend=error.backend) from None
        finally:
            self._tell(secret, record, news)
        return record

    def restore_team(self, namespace: str) -> Record:
        """Let a team be given tokens again; what was revoked stays dead. Raises BackendError."""
        act = f"restore the team of {namespace}"
        refuse_strange_namespace(act, namespace)
        record, news = self._change(namespace, act, revoked=False)
        self._tell(self._published.read(namespace) if news else absent(namespace), record, news)
        return record

    def empty(self, record: Record) -> OperationalSecret:
        """Take the values out of the operational Secret if any is one that its record knows; returns what is there."""
        failed: Conflict | None = None
        for _ in range(_EMPTYINGS):
            secret = self._published.read(record.namespace)
            if not holds_ours(record, secret):
                return secret
            try:
                return self._published.put(secret, secret.holding({}, {}))
            except Conflict as error:
                failed = error
        assert failed is not None, "each round returns or fails"
        raise failed

    def _change(self, namespace: str, act: str, *, revoked: bool) -> tuple[Record, bool]:
        """Change the record, and say whether this was new to it."""
        news = False

        def change(record: Record) -> Record:
            nonlocal news
            now = self._clock()
            after = changes.revoke_all(record, now) if revoked else changes.restore(record)
            news = news or after.team.revoked_at != record.team.revoked_at
            return changed(after, standing(Seen(after), _NO_TIME, now), now)

        return self._store.change(namespace, change, act), news

    def _tell(self, secret: OperationalSecret, record: Record, news: bool) -> None:
        if news:
            team, action = record.team, "revoke" if record.team.revoked_at else "restore"
            note = sentence(record, self._clock())
            self._events.tell(secret, Happening(team.reason, action, note, team.status is not Status.AUTHORIZED))
