"""Declares the directories that WISH (a JSON file) has settings for, and the schedules that it wants spread."""

import json
import os
from pathlib import Path

import pulumi

from components.authentik_directory import AuthentikDirectory
from components.directory_settings import AuthentikDirectorySettings, VaultDirectorySettings
from components.spread import spread
from components.vault_directory import VaultDirectory

wish = json.loads(Path(os.environ["WISH"]).read_text())
if "vault" in wish:
    VaultDirectory("vault-directory", VaultDirectorySettings.model_validate(wish["vault"]))
if "authentik" in wish:
    AuthentikDirectory("authentik-directory", AuthentikDirectorySettings.model_validate(wish["authentik"]))
for job, schedule in wish.get("schedules", {}).items():
    pulumi.export(job, spread(job, schedule))
