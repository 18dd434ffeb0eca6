"""One template at a Coder server: deployed when its files change, active afterwards, and told of where people look.

Its credential is the token as it stands published when the verb runs, so that the run that first minted it can use it.
A template that fails fails alone, and leaves the active version as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult
from pydantic import ValidationError

from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, changed, inputs_of, verb
from rotation.backends.coder_api import client
from rotation.bootstrap import PLACEHOLDER
from rotation.durations import parse_duration
from rotation.errors import ClusterError, RotationError
from rotation.reasons import Action, Decision, Reason
from rotation.templates import archive as archives
from rotation.templates.archive import Archive
from rotation.templates.deployment import Deployed, Templates, Wanted, digest_of
from rotation.templates.record import RECORD_PREFIX, TemplateRecord, read_template_record

TOLD = ("display_name", "description", "icon")
GIVEN = ("name", "backend", "place", "folder", "config_map", "organization", "variables", "time_limit", "active", *TOLD)
INPUTS = (*GIVEN, "digest", "problem")
OUTPUTS = ("template", "version", "version_name", "files", "bytes", "job_seconds")


class CoderTemplateProvider(Provider):
    """Updated in place. The dry run shows a change of its files as `~ digest`."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        """Read the files. What is wrong with them is raised by the act: an error here would end the run for all."""
        digest, problem = "", ""
        try:
            digest = "" if news["active"] else digest_of(_wanted(news), _packed(run, news))
        except RotationError as error:
            digest, problem = olds.get("digest") or "", _why(news, error)
        found = {**news, "digest": digest, "problem": problem}
        _tell_change(run, olds, found)
        return CheckResult(found, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        if news["problem"] or changed(olds, news, (*GIVEN, "digest")):
            return DiffResult(changes=True)
        return DiffResult(changes=_was_put_aside(run, olds, news) or _is_told_as_failed(run, news))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        return CreateResult(props["name"], _done(run, {}, props))

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(_done(run, olds, news))

    @verb
    def read(self, _run: Run, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Its record alone: workspaces may have been made of the template, and a person decides about them."""
        run.cluster.remove_receipt(RECORD_PREFIX + props["name"])


def _done(run: Run, olds: Props, news: Props) -> Props:
    """Deploy, promote or roll back, and tell of it; a failure is told, too, and raised."""
    try:
        outputs = _deployed(run, olds, news)
    except RotationError as error:
        run.tell(news["name"], Decision(Action.DEFER, Reason.TEMPLATE_FAILED, _why(news, error)))
        with suppress(ClusterError):  # the failure itself is what has to be told
            _write(run, news, _failed(run, news, _why(news, error)))
        raise error.about(token=f"the template {news['name']}") from None
    _write(run, news, _succeeded(run, news, outputs, is_new=outputs["version"] != olds.get("version")))
    return {**inputs_of(news, INPUTS), **outputs}


def _deployed(run: Run, olds: Props, news: Props) -> Props:
    archive = None if news["active"] else _packed(run, news)
    wanted, templates = _wanted(news), _templates(run, news)
    if archive is None:
        deployed, files, size = templates.roll_back(wanted, news["active"]), 0, 0
        facts = "nothing was uploaded"
    else:
        deployed, files, size = templates.deploy(wanted, archive), archive.files, archive.size
        facts = f"{files} file{'s' * (files != 1)}, {size} bytes, {_built(deployed)}"
    told = [name for name in TOLD if news[name] != (olds.get(name) or "")]
    if told:
        templates.describe(wanted, deployed.template, told)
    run.say(f"token-rotation: the template {news['name']}: {facts}; version {deployed.name} is active")
    known = {"files": files, "bytes": size, "job_seconds": deployed.job_seconds or 0.0}
    return {"template": deployed.template, "version": deployed.version, "version_name": deployed.name, **known}


def _built(deployed: Deployed) -> str:
    return "built before" if deployed.job_seconds is None else f"built in {deployed.job_seconds:g} s"


def _was_put_aside(run: Run, olds: Props, news: Props) -> bool:
    """Whether somebody made another version active, or removed the template. A server that does not tell is no news."""
    try:
        templates = _templates(run, news)
        found = templates.active(_wanted(news))
        if found is not None and found.version == olds["version"]:
            return False
        seen = f"version {templates.name_of(found.version)} is active" if found else "the server does not have it"
    except RotationError:
        return False
    message = f"{seen}, and {olds['version_name']} is wanted; it is made active again"
    run.tell(news["name"], Decision(Action.REPAIR, Reason.DRIFT_FOUND, message))
    return True


def _is_told_as_failed(run: Run, news: Props) -> bool:
    """Whether the record tells of a failure whose cause was taken back: nothing else would clear it."""
    if not _before(run, news).error:
        return False
    message = "what was active before it failed is wanted again; its record is told so"
    run.tell(news["name"], Decision(Action.REPAIR, Reason.TEMPLATE_CHANGED, message))
    return True


def _tell_change(run: Run, olds: Props, news: Props) -> None:
    if news["problem"]:
        run.tell(news["name"], Decision(Action.DEFER, Reason.TEMPLATE_FAILED, news["problem"]))
    elif news["active"] and news["active"] != (olds.get("active") or ""):
        message = f"the config asks for version {news['active']}; nothing is uploaded while it does"
        run.tell(news["name"], Decision(Action.ROLL_BACK, Reason.ROLLBACK_REQUESTED, message))
    elif news["digest"] != (olds.get("digest") or ""):
        message = "its files or variables changed" if olds.get("digest") else "this stack has not deployed it"
        run.tell(news["name"], Decision(Action.DEPLOY, Reason.TEMPLATE_CHANGED, message))


def _templates(run: Run, news: Props) -> Templates:
    """The server, with the token as it stands published now. Raises ClusterError where there is none."""
    value = run.value_at(news["place"])
    if not value or value.startswith(PLACEHOLDER):
        remedy = "It is deployed by the run that publishes its token, or the one after."
        raise ClusterError("deploy", f"no token can be read at {news['place']}", remedy, backend=news["backend"])
    asking = client(news["backend"], run.reach(news["backend"]), value, run.clock)
    return Templates(asking, run.clock, run.sleep)


def _packed(run: Run, news: Props) -> Archive:
    """Its files as they stand now, read and packed once in a run. Raises UnfitTemplate, ClusterError."""
    read: Callable[[], Archive] = lambda: archives.pack(_files(run, news))  # noqa: E731 - asked for once
    packed: Archive = run.once(f"the files of the template {news['name']}", read)
    return packed


def _files(run: Run, news: Props) -> list[archives.File]:
    if news["folder"]:
        return archives.of_folder(Path(news["folder"]))
    namespace, name = news["config_map"].split("/")
    found = run.cluster.config_map(namespace, name)
    if found is None:
        cause = f"there is no ConfigMap {news['config_map']}"
        raise ClusterError("pack", cause, "Create it with one entry for each file of the template.")
    return archives.of_entries(found)


def _wanted(news: Props) -> Wanted:
    return Wanted(
        name=news["name"],
        organization=news["organization"],
        variables=dict(news["variables"]),
        time_limit=parse_duration(news["time_limit"]),
        **{name: news[name] for name in TOLD},
    )


def _why(news: Props, error: RotationError) -> str:
    return f"{error.act} the template {news['name']}: {error.cause}"


def _before(run: Run, news: Props) -> TemplateRecord:
    """What was told last. A damaged record begins anew: it only counts, and must not fail a deployment."""
    told = run.kept(RECORD_PREFIX + news["name"])
    if told:
        with suppress(ValidationError):
            return read_template_record(told)
    return TemplateRecord(template=news["name"], backend=news["backend"])


def _succeeded(run: Run, news: Props, outputs: Props, *, is_new: bool) -> TemplateRecord:
    before = _before(run, news)
    facts = {name: outputs[name] for name in ("files", "bytes", "job_seconds")} if is_new else {}
    counts = {"deployments": before.deployments + 1, "deployed_at": run.clock()} if is_new else {}
    named = {"backend": news["backend"], "version": outputs["version_name"], "digest": news["digest"]}
    return before.model_copy(update={**named, **facts, **counts, "error": ""})


def _failed(run: Run, news: Props, cause: str) -> TemplateRecord:
    before = _before(run, news)
    error = run.scrubber.scrub(cause)
    return before.model_copy(update={"failures": before.failures + 1, "failed_at": run.clock(), "error": error})


def _write(run: Run, news: Props, record: TemplateRecord) -> None:
    run.cluster.write_receipt(RECORD_PREFIX + news["name"], record.model_dump_json())


class CoderTemplate(Resource, module="token-rotation", name="CoderTemplate"):
    """Depends on every publication of the token that deploys it."""

    template: pulumi.Output[str]
    version: pulumi.Output[str]
    version_name: pulumi.Output[str]
    files: pulumi.Output[int]
    bytes: pulumi.Output[int]
    job_seconds: pulumi.Output[float]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        absent = dict.fromkeys(("digest", "problem", *OUTPUTS))
        super().__init__(CoderTemplateProvider(), name, {**absent, **props}, opts)
