"""The image's recipe. It cannot be built here; what can be known without a builder is held here."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.schedule.settings import Job, ScheduleSettings
from tests.architecture.sources import ROOT
from tests.schedule.sample import SCHEDULE, Sample
from toolchain.table import TOOLS

DOCKERFILE = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"\\\n\s*", " ", DOCKERFILE).splitlines()
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def instructions(name: str) -> list[str]:
    """What stands behind every instruction of this name, in order."""
    return [line.removeprefix(f"{name} ").strip() for line in LINES if line.startswith(f"{name} ")]


def environment() -> dict[str, str]:
    """What the last stage sets."""
    return dict(part.split("=", 1) for part in instructions("ENV")[-1].split())


def copied() -> list[str]:
    """Every path of ours that is copied."""
    own = [line.split() for line in instructions("COPY") if not line.startswith("--from")]
    return [source for parts in own for source in parts[:-1]]


def is_ignored(path: str) -> bool:
    """Whether `.dockerignore` keeps a path from the builder: the last line that fits it or a folder above decides."""
    above = [path, *map(str, Path(path).parents)]
    ignored = False
    for line in IGNORED:
        if any(fnmatch.fnmatch(folder, line.removeprefix("!").replace("**/", "*")) for folder in above):
            ignored = not line.startswith("!")
    return ignored


@pytest.mark.parametrize("path", copied())
def test_what_is_copied_is_there_and_reaches_the_builder(path: str) -> None:
    """Each COPY names a file or folder of ours that `.dockerignore` lets through."""
    assert (ROOT / path).exists()
    assert not is_ignored(path)


@pytest.mark.parametrize(
    "path",
    ["Pulumi.sandbox.yaml", ".git/config", ".venv/bin/python", "sandbox/world.py", "components/__pycache__/a.pyc"],
)
def test_what_no_image_needs_stays_away(path: str) -> None:
    """No cache, no history and nothing of the sandbox reaches the builder."""
    assert is_ignored(path)


def test_every_package_that_the_program_imports_is_in_the_image() -> None:
    """What production consists of is copied: a new folder of it fails here until it is."""
    assert {"components", "dynamic_providers", "operations", "rotation", "__main__.py", "Pulumi.yaml"} <= set(copied())


def test_the_cli_is_that_of_the_toolchain() -> None:
    """The image runs the CLI that the tests ran."""
    assert f"PULUMI_VERSION={TOOLS['pulumi'].version}" in instructions("ARG")


def test_it_runs_as_a_number_that_the_pods_name() -> None:
    """A kubelet can see that the user is not root only where it is a number; the pods ask for the same one."""
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    spec = Sample().one("CronJob", Job.RUN.value)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert user == f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"


def test_manifests_and_image_agree_on_places() -> None:
    """Working folder, command and plugins are where the manifests say, and nothing is fetched when it runs."""
    container = Sample().one("CronJob", Job.RUN.value)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][
        0
    ]
    assert instructions("WORKDIR")[-1] == container["workingDir"]
    assert json.loads(instructions("ENTRYPOINT")[-1]) == container["command"]
    assert environment()["PULUMI_HOME"] == ScheduleSettings.model_validate(SCHEDULE).plugins
    given = {item["name"]: item.get("value") for item in container["env"]}
    for name in ("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "PULUMI_DYNAMIC_TF_PLUGIN_CACHE_DIR"):
        assert environment()[name] == given[name]


def test_the_command_of_the_image_starts_operations(tmp_path: Path) -> None:
    """`tokens` is the command line of operations, wherever Python is found."""
    path = f"{ROOT / 'deploy' / 'image'}:{Path(sys.executable).parent}:{os.defpath}"
    ended = subprocess.run(
        ["tokens", "run", "--help"], cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "--limit" in ended.stdout


def test_the_plugins_are_those_of_the_pinned_packages(tmp_path: Path) -> None:
    """Every Pulumi package of requirements.txt gets its plugin, at the version that the installed package asks for."""
    heard = tmp_path / "heard"
    command = tmp_path / "pulumi"
    command.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    command.chmod(0o755)
    script = ROOT / "deploy" / "image" / "install_plugins.py"
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}
    subprocess.run([sys.executable, script], env=environ, check=True, capture_output=True)
    told = heard.read_text().splitlines()
    pins = dict(re.findall(r"^pulumi-([a-z]+)==([\d.]+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert len(pins) == 5
    authentik = pins.pop("authentik")
    for name, version in pins.items():
        assert any(line.startswith(f"plugin install resource {name} {version} --exact") for line in told)
    assert any(line.startswith("plugin install resource terraform-provider ") for line in told)
    assert any(line.startswith("package get-schema terraform-provider@") and line.endswith(authentik) for line in told)
