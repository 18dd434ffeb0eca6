"""The program with a schedule: the tokens of the config, and what the jobs need to rotate them."""

import json

import pulumi
from pulumi.runtime.config import CONFIG

from components.rotation_schedule import RotationSchedule
from components.schedule.settings import ScheduleSettings
from components.settings import read_settings
from components.token_stack import TokenStack
from components.validation_plan import validation_plan
from rotation.preferences import Preferences

KEY = "token-rotation:schedule"
config = dict(CONFIG.get())
schedule = ScheduleSettings.model_validate(json.loads(config.pop(KEY)))
settings = read_settings(config, pulumi.get_project())
tokens = TokenStack(settings, pulumi.get_project(), pulumi.get_stack())
RotationSchedule(
    "schedule",
    settings,
    schedule,
    stack=pulumi.get_stack(),
    preferences_namespace=schedule.namespace,
)
validation_plan(settings, Preferences(), "", pulumi.ResourceOptions())
pulumi.export("tokens", tokens.tokens)
