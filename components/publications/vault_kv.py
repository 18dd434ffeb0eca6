"""An entry of a KV (version 2) mount, which holds values and facts in one document."""

from __future__ import annotations

import json

import pulumi
from pulumi_vault.kv import SecretV2

from components.publications.contents import Published
from components.publications.places import EntryPlace


def vault_entry(given: Published, place: EntryPlace, opts: pulumi.ResourceOptions) -> SecretV2:
    """An entry with `token`, during the overlap `token-previous`, and the facts under their names.

    All of it is one new version, so that no reader sees a mixed pair. The document is secret, as the values are. It
    stays when the publication ends: a rotator may not delete entries, and a refusal there would keep a destroy from
    ending the token, with which the values in it are dead.
    """
    document = pulumi.Output.all(given.values(), given.facts()).apply(lambda both: json.dumps({**both[0], **both[1]}))
    return SecretV2(
        f"{given.token}-entry-{place}",
        mount=place.mount,
        name=place.path,
        data_json=document,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
    )
