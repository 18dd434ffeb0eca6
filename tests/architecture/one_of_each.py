"""Registers one resource of each pulumi package that the user works with, under mocks, and prints their types.

A program of its own, because mocks are global to a process.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi_authentik
import pulumi_kubernetes
import pulumi_onepassword
import pulumi_random
import pulumi_vault
from pulumi.runtime import mocks, settings, test


class Mocks(mocks.Mocks):
    """Answers every registration with its own inputs, and keeps the type. It is called from several threads."""

    types: ClassVar[list[str]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.typ != "pulumi:pulumi:Stack":
            self.types.append(args.typ)
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:  # noqa: ARG002 - no call is made
        return {}, None


def declare_one_of_each() -> None:
    """One resource of each package."""
    pulumi_kubernetes.core.v1.ConfigMap("one", data={"a": "b"})
    pulumi_vault.Policy("one", name="one", policy="")
    pulumi_authentik.Group("one", name="one")
    pulumi_onepassword.Item("one", vault="one", title="one", category="login")
    pulumi_random.RandomPassword("one", length=20)


if __name__ == "__main__":
    mocks.set_mocks(Mocks())
    settings.SETTINGS.feature_support["parameterization"] = True  # the CLI has it; mocks do not say so
    test(declare_one_of_each)()  # type: ignore[no-untyped-call]
    print("\n".join(Mocks.types))
