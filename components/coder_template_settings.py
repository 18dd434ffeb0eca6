"""What a stack's config says under `token-rotation:coder_templates`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from components.publications.places import NAMESPACE, OBJECT_NAME
from rotation.durations import Duration

NAME = r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$"
_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ConfigMapPlace(BaseModel):
    """A ConfigMap with one entry for each file; `__` in a key stands for `/`."""

    model_config = _STRICT

    namespace: str = Field(pattern=NAMESPACE)
    name: str = Field(default="coder-template-files", pattern=OBJECT_NAME)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class CoderTemplateSettings(BaseModel):
    """One template. Its name is that of its entry.

    token:      the Coder token that deploys it, by its name under `tokens`
    folder:     relative to the project; or `configMap`
    variables:  Terraform variables of the template; no secrets, they stand in the state in clear
    time_limit: for its build; then it is cancelled
    active:     an earlier version that is made active and stays so; nothing is uploaded while it stands here
    """

    model_config = _STRICT

    token: str
    folder: str = ""
    config_map: ConfigMapPlace | None = Field(default=None, alias="configMap")
    organization: str = "default"
    display_name: str = Field(default="", max_length=64)
    description: str = Field(default="", max_length=127)
    icon: str = ""
    variables: dict[str, str] = {}
    time_limit: Duration = timedelta(minutes=10)
    active: str = ""

    @field_validator("folder")
    @classmethod
    def _there(cls, folder: str) -> str:
        if folder and not Path(folder).is_dir():
            raise ValueError(f"there is no folder {folder!r}")
        return folder

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.folder) == (self.config_map is not None):
            raise ValueError("a template names exactly one source: folder or configMap")
        return self
