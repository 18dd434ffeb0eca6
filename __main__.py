"""Tokens that stay fresh: settings, then components, then outputs."""

import os

import pulumi
from pulumi.runtime.config import CONFIG

from components.preparation import prepare
from components.surroundings import declare_directories, declare_surroundings
from components.token_stack import TokenStack
from rotation.clock import system_clock
from rotation.errors import InvalidSettings

project, name = pulumi.get_project(), pulumi.get_stack()
try:
    given = prepare(CONFIG.get(), project, name, os.environ, clock=system_clock, tell=pulumi.log.warn)
except InvalidSettings as refused:
    raise pulumi.RunError(str(refused)) from None

directories = declare_directories(given.settings)
stack = TokenStack(given.settings, project, name, connect=given.connect_url, items=given.items, after=directories)
declare_surroundings(given, stack, name)
pulumi.export("tokens", stack.tokens)
pulumi.export("orphans", stack.orphans)
