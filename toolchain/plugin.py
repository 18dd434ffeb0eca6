"""Getting a provider plugin by the CLI's own `pulumi plugin install`, into a home of its own that is then emptied."""

import os
from dataclasses import dataclass
from typing import ClassVar

from toolchain.download import check_reachable
from toolchain.model import Job
from toolchain.programs import run

_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class PluginInstall:
    """The resource plugin `plugin`. `place` is asked first: the CLI itself would try a dead network for minutes.

    server: where the CLI finds a plugin that Pulumi's own place does not have, as its package says
    """

    plugin: str
    place: str = "https://get.pulumi.com"
    server: str = ""
    origin: ClassVar[str] = "installed by pulumi"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError when the place is unreachable or the CLI refuses, ToolMissingError."""
        pulumi = job.locate("pulumi")
        check_reachable(self.place)
        home = job.scratch / "pulumi-home"
        server = ["--server", self.server] if self.server else []
        run(
            [str(pulumi), "plugin", "install", "resource", self.plugin, job.version, *server],
            cwd=job.scratch,
            environ={**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
            log=job.log,
            progress=job.progress,
            doing=lambda: f"pulumi plugin install resource {self.plugin} {job.version}",
            limit_seconds=_LIMIT_SECONDS,
        )
        installed = home / "plugins" / f"resource-{self.plugin}-v{job.version}" / job.programs[0]
        if installed.exists():
            installed.rename(job.bin / job.programs[0])
