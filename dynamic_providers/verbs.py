"""What all providers share: a run, errors without values, and the marks of an unknown or changed input."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi.dynamic import ConfigureRequest, ResourceProvider
from pulumi.output import Unknown

from dynamic_providers import process
from rotation.errors import RotationError

Props = dict[str, Any]
_VALUES = ("value", "previous")


class VerbError(Exception):
    """What the engine shows of a failed verb: one line, with no value in it."""


class Provider(ResourceProvider):
    """A provider without state of its own; stored as a reference, since its class can be imported."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        # Here, in the process of the providers: the program, which only declares, needs no adapter and no client.
        from dynamic_providers.composition import run_from  # noqa: PLC0415

        process.begin(lambda: run_from(req.config.get))


def verb(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the run of this process, and let no value out of it by an error."""

    @functools.wraps(function)
    def guarded(provider: Provider, *arguments: Any) -> Any:
        run = process.current()
        bags = [argument for argument in arguments if isinstance(argument, dict)]
        for name in _VALUES:
            for bag in bags:
                run.scrubber.remember(bag.get(name))
        try:
            return function(provider, run, *arguments)
        except RotationError as error:
            newest = bags[-1] if bags else {}
            text = str(error.about(_text(newest.get("token")), _text(newest.get("backend"))))
            raise VerbError(run.scrubber.scrub(text)) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, no value may leave in it
            text = f"{type(error).__name__}: {error}"
            raise VerbError(run.scrubber.scrub(text)).with_traceback(error.__traceback__) from None

    return guarded


def is_unknown(value: Any) -> bool:
    """Whether an input will only be known when the update runs."""
    return isinstance(value, Unknown)


def changed(olds: Mapping[str, Any], news: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether any of these inputs is unknown or differs from what was stored."""
    for name in names:
        new = news.get(name)
        if new != olds.get(name) or is_unknown(new):
            return True
    return False


def inputs_of(props: Mapping[str, Any], names: Iterable[str]) -> Props:
    """These inputs alone, as they are; absent ones are None."""
    return {name: props.get(name) for name in names}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
