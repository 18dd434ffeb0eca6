"""Setting tools up: what is here already is left alone, what is missing is had by the first way that works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from toolchain import refusals
from toolchain.errors import SetUpError, UnobtainableError
from toolchain.model import Job, Tool, Way
from toolchain.progress import Progress, spoken
from toolchain.toolbox import Place, Toolbox


@dataclass(frozen=True)
class Outcome:
    """What came of one tool: its place, or the cause why its stand-in is used (never for a required tool)."""

    tool: Tool
    place: Place | None
    cause: str = ""
    fresh: bool = False


def set_up(
    toolbox: Toolbox, tools: Sequence[Tool], progress: Progress, now: datetime, *, retry: bool = False
) -> list[Outcome]:
    """Make every tool of `tools` ready. `retry` forgets that a tool was refused lately.

    Raises SetUpError for the first required tool that no way leads to; tools that were finished before it stay.
    """
    ready = [_known(toolbox, tool, now, retry=retry) for tool in tools]
    if all(ready):
        return [outcome for outcome in ready if outcome]
    with toolbox.cache.lock(progress):
        return [_set_up_one(toolbox, tool, progress, now, retry=retry) for tool in tools]


def _known(toolbox: Toolbox, tool: Tool, now: datetime, *, retry: bool) -> Outcome | None:
    """What can be told without doing anything."""
    if place := toolbox.find(tool):
        return Outcome(tool, place)
    cause = None if tool.required or retry else refusals.recall(toolbox.cache.root, tool, now)
    return Outcome(tool, None, cause) if cause else None


def _set_up_one(toolbox: Toolbox, tool: Tool, progress: Progress, now: datetime, *, retry: bool) -> Outcome:
    if known := _known(toolbox, tool, now, retry=retry):
        return known
    offer = toolbox.candidate(tool)
    failures = [UnobtainableError(f"PATH: {offer.refusal}")] if offer else []
    for way in tool.ways:
        try:
            return Outcome(tool, _obtain(toolbox, tool, way, progress), fresh=True)
        except UnobtainableError as error:
            progress.say(f"{tool.name} {tool.version}: not {way.origin}: {error.cause}")
            failures.append(UnobtainableError(f"not {way.origin}: {error.cause}", remedy=error.remedy))
    if tool.required:
        raise SetUpError(_explanation(tool, failures))
    refusals.remember(toolbox.cache.root, tool, failures[-1].cause, now)
    return Outcome(tool, None, failures[-1].cause, fresh=True)


def _obtain(toolbox: Toolbox, tool: Tool, way: Way, progress: Progress) -> Place:
    cache, began = toolbox.cache, progress.elapsed()
    with cache.workspace() as workspace:
        actual = way.obtain(_job(toolbox, tool, workspace, progress)) or ""
        cache.publish(tool.name, tool.version, tool.programs, workspace=workspace, origin=way.origin, actual=actual)
    version = actual or tool.version
    progress.say(f"{tool.name} {version}: {way.origin} in {spoken(progress.elapsed() - began)}")
    return Place(tool, version, way.origin, cache.bin(tool.name, tool.version))


def _job(toolbox: Toolbox, tool: Tool, workspace: Path, progress: Progress) -> Job:
    (workspace / "bin").mkdir()
    (workspace / "scratch").mkdir()
    return Job(
        tool=tool.name,
        version=tool.version,
        programs=tool.programs,
        bin=workspace / "bin",
        scratch=workspace / "scratch",
        log=toolbox.cache.log(tool.name, tool.version),
        progress=progress,
        locate=toolbox.locate,
    )


def _explanation(tool: Tool, failures: list[UnobtainableError]) -> str:
    causes = "\n".join(f"  - {failure.cause}" for failure in failures)
    remedies = [failure.remedy for failure in failures if failure.remedy]
    if tool.on_path:
        remedies.append(f"put {tool.programs[0]} {tool.on_path.accepted} on PATH")
    remedy = "; or ".join(remedies) or "see the log"
    return (
        f"{tool.name} {tool.version} is missing, and no way led to it:\n{causes}\n"
        f"Remedy: {remedy}. Then run `make setup` again; what is finished is kept."
    )
