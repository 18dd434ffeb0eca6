"""The types of the random provider. Every input replaces; results are outputs only, and no server is asked."""

import base64
import random
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.bridged.kinds import Kind, Package, table
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_CLASSES = (
    ("lower", string.ascii_lowercase),
    ("upper", string.ascii_uppercase),
    ("numeric", string.digits),
    ("special", _SPECIAL),
)


@dataclass(frozen=True)
class Drawn:
    """A value that is drawn at creation and kept in the state alone. `draw` gives the id and the outputs."""

    draw: Callable[[JsonObject], tuple[str, JsonObject]]

    def create(self, _api: Any, wish: JsonObject) -> tuple[str, JsonObject]:
        return self.draw(wish)

    def read(self, _api: Any, _identifier: str, known: JsonObject) -> JsonObject:
        return known

    def update(self, _api: Any, _identifier: str, known: JsonObject, _wish: JsonObject) -> JsonObject:
        return known  # never asked: every input replaces

    def delete(self, _api: Any, _identifier: str, _known: JsonObject) -> None:
        """Nothing stands anywhere."""


def integer(wish: JsonObject) -> tuple[str, JsonObject]:
    """Between `min` and `max`, both included; the same `seed` draws the same."""
    if wish["min"] > wish["max"]:
        raise PluginError("RandomInteger: min is greater than max; exchange them")
    source = random.Random(wish["seed"]) if wish.get("seed") else secrets.SystemRandom()  # noqa: S311 - on request only
    drawn = source.randint(wish["min"], wish["max"])
    return str(drawn), {"result": drawn}


def password(wish: JsonObject) -> tuple[str, JsonObject]:
    """As long as wished, of the classes wished, with at least so many of each as wished."""
    pools = {name: letters for name, letters in _CLASSES if wish.get(name, True)}
    if "special" in pools:
        pools["special"] = wish.get("overrideSpecial") or _SPECIAL
    least = {name: wish.get(f"min{name.capitalize()}", 0) for name in pools}
    rest = wish["length"] - sum(least.values())
    if not pools or rest < 0:
        raise PluginError("RandomPassword: no class of characters is left, or the least of each exceed its length")
    letters = [secrets.choice(pools[name]) for name, count in least.items() for _ in range(count)]
    letters += [secrets.choice("".join(pools.values())) for _ in range(rest)]
    secrets.SystemRandom().shuffle(letters)
    return "none", {"result": "".join(letters)}


def identifier(wish: JsonObject) -> tuple[str, JsonObject]:
    """So many bytes, in every form that the SDK knows; each form bears the prefix, the id does not."""
    drawn, prefix = secrets.token_bytes(wish["byteLength"]), wish.get("prefix", "")
    url = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    told = {
        "b64Url": url,
        "b64Std": base64.b64encode(drawn).decode(),
        "hex": drawn.hex(),
        "dec": str(int.from_bytes(drawn, "big")),
    }
    return url, {name: prefix + text for name, text in told.items()}


def random_bytes(wish: JsonObject) -> tuple[str, JsonObject]:
    """So many bytes, in base64 and hex."""
    drawn = secrets.token_bytes(wish["length"])
    return "none", {"base64": base64.b64encode(drawn).decode(), "hex": drawn.hex()}


_PASSWORD = {"length", "keepers", "lower", "upper", "numeric", "special", "overrideSpecial"}
_LEAST = {f"min{name.capitalize()}" for name, _ in _CLASSES}

PACKAGE = Package(
    "random",
    table(
        Kind(
            "random:index/randomInteger:RandomInteger",
            Drawn(integer),
            replaced_by=frozenset({"min", "max", "keepers", "seed"}),
            computed=frozenset({"result"}),
        ),
        Kind(
            "random:index/randomPassword:RandomPassword",
            Drawn(password),
            replaced_by=frozenset(_PASSWORD | _LEAST),
            computed=frozenset({"result"}),
            secret=frozenset({"result"}),
            refused=frozenset({"number"}),
        ),
        Kind(
            "random:index/randomId:RandomId",
            Drawn(identifier),
            replaced_by=frozenset({"byteLength", "keepers", "prefix"}),
            computed=frozenset({"b64Url", "b64Std", "hex", "dec"}),
        ),
        Kind(
            "random:index/randomBytes:RandomBytes",
            Drawn(random_bytes),
            replaced_by=frozenset({"length", "keepers"}),
            computed=frozenset({"base64", "hex"}),
            secret=frozenset({"base64", "hex"}),
        ),
    ),
    settings=frozenset(),
    connect=lambda _arguments: None,
)
