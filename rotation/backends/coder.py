"""Coder: API tokens, each generation a token of one user, named `template-automation-<generation id>`.

Facts this file rests on (Coder 2.29): a value is `<key id>-<secret>`, so it tells its own row; names are unique among
all rows of a user, expired ones included, until a row is deleted; the server judges the wished life by caps of its own,
which differ for Owners; until mid-2026 each use of a token moved its end, so `expires_at` is read and never computed;
older servers list expired rows unasked, newer ones when asked.

A 404 also says `you may not see it`, and a listing shows an Owner every row but anybody else only their own. So what is
not there is gone only for a credential that could see it: generations are to be ended by the user that they belong to,
or by an Owner. A deletion that is answered with 404 is believed, and the listing asked whether the row is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from rotation.backends.api_client import understood
from rotation.backends.coder_api import (
    OURSELVES,
    PREFIX,
    Row,
    User,
    client,
    key_path,
    long_scopes,
    read_row,
    tokens_path,
    user_path,
    whoami,
)
from rotation.backends.protocol import Capabilities, Order
from rotation.backends.transport import Response, Transport
from rotation.clock import Clock
from rotation.errors import BackendError, Conflict, NotFound, Refused, Unavailable
from rotation.model import Generation, Minted, bears_mark, is_generation

KIND = "coder"
CAPABILITIES = Capabilities(lists=True, leases=False, renews=False)
_EVERY_ROW = {"include_all": "true", "include_expired": "true"}
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Spec(BaseModel):
    """What a Coder token is.

    user:   whose token it is; empty: the user of the credential (self-rotation). Only an Owner mints for others
    scopes: what it may do, in the server's words; empty: all that its user may. A token that may not read its own user
            cannot be probed
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = ""
    scopes: tuple[str, ...] = ()

    @property
    def of_user(self) -> str:
        """The user as a path names it."""
        return self.user or OURSELVES


class Coder:
    """Mints, finds and revokes API tokens through one credential.

    A handle is our generation id, or the key id of a token that was made by hand.
    """

    capabilities = CAPABILITIES

    def __init__(
        self, name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self.name = name
        self._clock = clock
        self._client = client(name, transport, credential, clock, warn)

    def preflight(self) -> None:
        """Ask who we are: raises Unauthorised for a dead credential and ClockSkew for a clock that is off."""
        whoami(self._client, "check the credential")

    def mint(self, order: Order) -> Minted:
        """Create a token within the server's cap and compare what was granted; undone when any of it fails."""
        spec = Spec.model_validate(order.spec)
        self._refuse_beyond_cap(spec, order.lifetime)
        answer = self._post_once(order, spec)
        try:
            with understood("mint", self.name):
                return self._granted(order, spec, answer.json()["key"])
        except BackendError:
            self._undo(order.id)
            raise

    def probe(self, value: str) -> None:
        """Ask who the token is. An older server moves the end of a token that is used."""
        whoami(self._client.with_credential(value), "probe")

    def inventory(self, owner: str, known: Sequence[str]) -> list[Generation]:  # noqa: ARG002 - listing finds all
        """Every row that we may see whose name bears our mark and whose end has not come."""
        ours = (row for row in self._rows() if bears_mark(row.generation, owner))
        return [row.as_generation() for row in ours if self._lives(row)]

    def find(self, handle: str) -> Generation | None:
        """What lives under a handle. None: its row is gone or past its end, or we may not see it (see above)."""
        return next((row.as_generation() for row in self._rows_of("look up", handle) if self._lives(row)), None)

    def recognise(self, value: str, spec: Mapping[str, Any], handle: str = "") -> Generation:  # noqa: ARG002
        """Ask whose the value is, and read the row that it names itself. A session is nobody's to rotate."""
        act = "recognise"
        user = whoami(self._client.with_credential(value), act)
        wanted = self._wanted(Spec.model_validate(spec))
        if not user.is_called(wanted):
            remedy = "Only a token of the user that `spec` names is taken."
            raise Refused(act, f"it belongs to {user.username}, not to {wanted}", remedy, backend=self.name)
        row = self._row_of_value(value, user)
        if not row.is_token:
            cause = f"it is a session of {user.username}, which ends with its login"
            raise Refused(act, cause, "Create a token under Account, Tokens, and put it there.", backend=self.name)
        return row.as_generation()

    def confirm(self, handle: str, lifetime: object) -> datetime:
        """Nothing to confirm: a token lives from its creation on."""
        raise Refused("confirm", f"{handle} is no lease (wished: {lifetime})", backend=self.name)

    def renew(self, handle: str, lifetime: object) -> datetime:
        """Never: the API has no such call."""
        raise Refused("renew", f"{handle} cannot be given a later end (wished: {lifetime})", backend=self.name)

    def revoke(self, handle: str) -> None:
        """Delete the row, which frees its name; one that is not there is a success.

        What we may see and not delete is answered with 404, too: `is_dead` finds its row still there.
        """
        for row in self._rows_of("revoke", handle):
            with suppress(NotFound):
                self._client.delete("revoke", key_path(row.user, row.id))

    def is_dead(self, handle: str) -> bool:
        """Whether no living row is left, by a fresh look. The token itself is not used: that could move its end."""
        return not any(self._lives(row) for row in self._rows_of("verify", handle))

    def holds(self, handle: str) -> bool:
        """Compare key ids: a credential begins with its own."""
        own = self._client.credential.partition("-")[0]
        if not is_generation(handle):
            return handle == own
        return any(row.id == own for row in self._rows_of("compare keys", handle))

    def _rows(self, act: str = "list tokens") -> list[Row]:
        """Every token row that we may see. `null` is the server's word for none; an empty answer is not."""
        answer = self._client.read(act, tokens_path(OURSELVES), _EVERY_ROW)
        with understood(act, self.name):
            told = [] if answer.body.strip() == b"null" else answer.json()
            if not isinstance(told, list):
                raise TypeError("no list")
            return [read_row(row) for row in told]

    def _rows_of(self, act: str, handle: str) -> list[Row]:
        """The rows of a handle: one, none, or more where another user copied our name; they all end with it."""
        if is_generation(handle):
            return [row for row in self._rows(act) if row.generation == handle]
        try:
            answer = self._client.read(act, key_path(OURSELVES, handle))
        except NotFound:
            return []
        with understood(act, self.name):
            return [read_row(answer.json())]

    def _row_of_value(self, value: str, user: User) -> Row:
        """The row that a value names. What has no `-` may be a secret as a whole, and goes into no path."""
        key, dash, _secret = value.partition("-")
        try:
            told = self._client.read("recognise", key_path(user.id, key)).json() if dash else None
        except (NotFound, Refused):  # a user whom we may not see is a 400
            told = None
        if told is None:
            remedy = "Use a credential of the same user or of an Owner, or mint a new token instead."
            raise Refused("recognise", "no row that we may read belongs to it", remedy, backend=self.name)
        with understood("recognise", self.name):
            return read_row(told)

    def _lives(self, row: Row) -> bool:
        """A row past its end is dead, listed or not."""
        return row.expires > self._clock()

    def _wanted(self, spec: Spec) -> str:
        return spec.user if spec.of_user != OURSELVES else whoami(self._client, "check the credential").id

    def _refuse_beyond_cap(self, spec: Spec, lifetime: timedelta) -> None:
        """Before anything is created: the server's cap for this user, with what can be done about it."""
        act = "read the longest lifetime"
        try:
            answer = self._client.read(act, f"{tokens_path(spec.of_user)}/tokenconfig")
        except (NotFound, Refused):  # a user that is not there, or that we may not see, is a 400
            remedy = "Correct `spec.user`; only an Owner's credential can mint for another user."
            raise Refused(
                "mint", f"there is no user {spec.of_user} that we may see", remedy, backend=self.name
            ) from None
        with understood(act, self.name):
            cap = answer.json()["max_token_lifetime"] // 1000 * _MICROSECOND
        if lifetime > cap:
            most, wished = f"{cap / _DAY:.4g} days", f"{lifetime / _DAY:.4g} days"
            cause = f"the server lets a token of this user live {most} at most, and the policy asks for {wished}"
            raise Refused("mint", cause, self._ways_beyond_cap(spec, most), backend=self.name)

    def _ways_beyond_cap(self, spec: Spec, most: str) -> str:
        act = "read the user's roles"
        answer = self._client.read(act, user_path(spec.of_user))
        with understood(act, self.name):
            is_owner = any(role["name"] == "owner" for role in answer.json()["roles"])
        ways = [f"shorten the policy to {most}"]
        if is_owner:
            ways += ["let the token belong to a user with the role Template Admin, who is no Owner"]
        ways += [f"raise {'CODER_MAX_ADMIN_TOKEN_LIFETIME' if is_owner else 'CODER_MAX_TOKEN_LIFETIME'} on the server"]
        return f"Nothing was created. Do one of these: {'; '.join(ways)}."

    def _post_once(self, order: Order, spec: Spec) -> Response:
        """Create the token. A value whose answer is lost is lost for good: its row goes, and another is minted.

        That the name is taken says the same: nobody else's request can have made it, so a proxy sent ours twice.
        """
        path = tokens_path(spec.of_user)
        payload: dict[str, Any] = {"token_name": PREFIX + order.id, "lifetime": order.lifetime // _MICROSECOND * 1000}
        if spec.scopes:
            payload["scopes"] = list(spec.scopes)
        try:
            return self._client.write("mint", "POST", path, payload)
        except (Conflict, Unavailable):
            self._clear_lost(order.id)
        try:
            return self._client.write("mint", "POST", path, payload)
        except BackendError:
            self._undo(order.id)
            self._refuse_for_another(spec)
            raise

    def _refuse_for_another(self, spec: Spec) -> None:
        """Only an Owner mints for others; to who merely sees the user the server says so by a 500."""
        if not spec.user:
            return
        try:
            told = self._client.read("ask who we are", user_path(OURSELVES)).json()
            is_owner = any(role["name"] == "owner" for role in told["roles"])
            ourselves = User(told["id"], told["username"])
        except (BackendError, KeyError, TypeError):  # away altogether: the first error says more
            return
        if not is_owner and not ourselves.is_called(spec.user):
            cause = f"the credential belongs to {ourselves.username}, who is no Owner"
            remedy = f"Nothing was created. Use an Owner's credential, or one of {spec.user}."
            raise Refused("mint", cause, remedy, backend=self.name)

    def _clear_lost(self, generation: str) -> None:
        try:
            self.revoke(generation)
        except BackendError as error:
            cause = f"no answer came, and it cannot be looked for what was made ({error.act}: {error.cause})"
            raise Unavailable("mint", cause, "The next run's sweep looks for it.", backend=self.name) from None

    def _granted(self, order: Order, spec: Spec, value: str) -> Minted:
        key, _dash, secret = value.partition("-")
        if not secret:
            raise ValueError("no value of a token")
        row = read_row(self._client.read("read back", key_path(spec.of_user, key)).json())
        if spec.scopes and row.scopes != long_scopes(spec.scopes):
            granted, asked = (", ".join(sorted(scopes)) for scopes in (row.scopes, long_scopes(spec.scopes)))
            remedy = "It was undone. Leave `spec.scopes` out, or use a server that knows these scopes."
            cause = f"the server granted the scopes {granted} instead of {asked}"
            raise Refused("mint", cause, remedy, backend=self.name)
        return Minted(order.id, order.id, order.now, row.expires, value=value)

    def _undo(self, generation: str) -> None:
        """Take back a row that may not stay. When that fails too, the sweep finds it by its mark."""
        with suppress(BackendError):
            self.revoke(generation)


def connect(name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]) -> Coder:
    """One Coder server with one credential."""
    return Coder(name, transport, credential, clock, warn)
