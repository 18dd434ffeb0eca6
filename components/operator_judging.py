"""What of an operator's tokens is refused before anything runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components.operator_settings import OperatorSettings
from components.publications.places import Publication
from rotation.errors import InvalidSettings
from rotation.operator_tokens.record import OPERATIONAL


def type_of(spec: Mapping[str, str]) -> str:
    """What a token is for, by its spec."""
    return str(spec.get("type", OPERATIONAL))


def is_operational(spec: Mapping[str, str]) -> bool:
    """Whether a team's objects present it, and no job that bootstraps the team."""
    return type_of(spec) == OPERATIONAL


def declared(specs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The namespaces whose operational token the stack declares, with that token's name.

    specs: of one backend's tokens, by name
    """
    mine = {name: spec for name, spec in specs.items() if is_operational(spec)}
    return {str(spec["namespace"]): name for name, spec in mine.items()}


def secrets(tokens: Iterable[tuple[Mapping[str, str], tuple[Publication, ...]]]) -> dict[str, str]:
    """The Secret of each operational token, by its namespace; none of a token that is published elsewhere alone.

    tokens: what each is, and where it is published
    """
    found = {}
    for spec, published in tokens:
        place = next((item.kubernetes_secret for item in published if item.kubernetes_secret), None)
        if place is not None and is_operational(spec):
            found[str(spec["namespace"])] = place.name
    return found


def refuse_two_of_one_type(specs: Mapping[str, Mapping[str, str]]) -> None:
    """A namespace has one token of each type. Raises InvalidSettings."""
    bearers: dict[tuple[str, str], str] = {}
    for name, spec in specs.items():
        place = (str(spec["namespace"]), type_of(spec))
        if place in bearers:
            cause = f"{bearers[place]} is the {place[1]} token of {place[0]}, too"
            raise _refusal(f"tokens.{name}.spec", cause, "A namespace has one token of each type.")
        bearers[place] = name


def refuse_elsewhere(name: str, spec: Mapping[str, str], published: tuple[Publication, ...]) -> None:
    """A team's operational token lies in its namespace, where its objects can refer to it. Raises InvalidSettings.

    An admission token may lie in the platform's, too, for a job there that bootstraps the team.
    """
    if not is_operational(spec):
        return
    for place in (item.kubernetes_secret for item in published if item.kubernetes_secret):
        if place.namespace != spec["namespace"]:
            cause = f"{place} is not in the namespace {spec['namespace']} that the token is good for"
            remedy = "Publish it there, and sync it onwards with External Secrets."
            raise _refusal(f"tokens.{name}.publish", cause, remedy)


def refuse_both(settings: OperatorSettings, mine: Mapping[str, str]) -> None:
    """One in both is refused: two keepers would supersede each other's tokens for ever. Raises InvalidSettings."""
    for namespace in sorted(set(settings.namespaces) & set(mine)):
        cause = f"{namespace} may bootstrap at run time, and {mine[namespace]} declares its operational token"
        raise _refusal("operator.namespaces", cause, "Choose one: the stack keeps what it declares.")


def refuse_unkept(operator: OperatorSettings | None, backend: str, specs: Mapping[str, Mapping[str, str]]) -> None:
    """What an admission token makes would be kept by nobody, and run out. Raises InvalidSettings.

    specs: of one backend's tokens, by name
    """
    kept = set(declared(specs))
    if operator is not None and operator.backend == backend:
        kept |= {*operator.namespaces, *operator.revoked}
    for name, spec in specs.items():
        team = spec["namespace"]
        if not is_operational(spec) and team not in kept:
            cause = f"it would bootstrap {team}, and nobody keeps that team's token afterwards"
            raise _refusal(f"tokens.{name}.spec", cause, f"Name {team} under `token-rotation:operator.namespaces`.")


def is_revoked(operator: OperatorSettings | None, backend: str, spec: Mapping[str, str]) -> bool:
    """Whether a token is of a team that the config revokes: nothing is minted for it, and nobody waits for it."""
    return operator is not None and backend == operator.backend and spec["namespace"] in operator.revoked


def _refusal(key: str, cause: str, remedy: str) -> InvalidSettings:
    return InvalidSettings(f"read token-rotation:{key}", cause, remedy)
