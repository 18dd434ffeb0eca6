"""A simulated Connect with the settings item, and the config of a stack that reads it."""

from __future__ import annotations

import json
from typing import Any

from components.preferences import ITEM_TITLE, People, read_people
from rotation.preferences import FIELDS, as_texts, resolve
from sandbox.faults import Faults
from tests.components.stack_config import PROJECT
from tests.sandbox.connect_world import ConnectWorld

URL = "http://connect.example.svc"


class PeopleWorld:
    """`told` are the lines of the last read."""

    def __init__(self, kubeconfig: str = "/nonexistent") -> None:
        self.connect = ConnectWorld()
        self.faults = Faults(self.connect.server.handle)
        self.kubeconfig = kubeconfig
        self.stack: dict[str, Any] = {}
        self.one_password: dict[str, Any] | None = {"create_settings_item": False}
        self.environ = {"OP_CONNECT_HOST": URL, "OP_CONNECT_TOKEN": self.connect.token}
        self.told: list[str] = []

    def write_item(self, **changes: str) -> None:
        """The item as a person keeps it, with the seed's values but for the changes."""
        fields = {**as_texts(resolve({}, {}, None)), **changes}
        self.connect.server.write_by_hand(self.connect.vault, ITEM_TITLE, {name: fields[name] for name in FIELDS})
        self.connect.settle()

    def read(self) -> People:
        structured = {
            "preferences": self.stack,
            "onePassword": self.one_password,
            "cluster": {"kubeconfig": self.kubeconfig},
        }
        config = {f"{PROJECT}:{key}": json.dumps(value) for key, value in structured.items() if value is not None}
        self.told = []
        return read_people(
            config, PROJECT, self.environ, self.connect.clock, self.told.append, transport=lambda _url: self.faults
        )
