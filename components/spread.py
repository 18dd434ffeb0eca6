"""When many stacks run alike, a lot spreads them over the hour. It is drawn once and stays."""

from __future__ import annotations

import pulumi
import pulumi_random as random

LOT = "H"


def spread(job: str, schedule: str, opts: pulumi.ResourceOptions | None = None) -> pulumi.Input[str]:
    """A cron schedule with `H` in place of its minute gets a minute of its own; any other is left as it is.

    Another stack draws another lot, and so does the same job when its schedule changes.
    """
    minute, _, rest = schedule.partition(" ")
    if minute != LOT:
        return schedule
    keepers = {"stack": f"{pulumi.get_project()}/{pulumi.get_stack()}", "schedule": schedule}
    lot = random.RandomInteger(f"{job}-minute", min=0, max=59, keepers=keepers, opts=opts)
    return lot.result.apply(lambda drawn: f"{drawn} {rest}")
