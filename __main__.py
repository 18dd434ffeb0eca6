"""Tokens that stay fresh: settings, then components, then outputs."""

import pulumi
from pulumi.runtime.config import CONFIG

from components.settings import read_settings
from components.token_stack import TokenStack
from rotation.errors import InvalidSettings

try:
    settings = read_settings(CONFIG.get(), pulumi.get_project())
except InvalidSettings as refused:
    raise pulumi.RunError(str(refused)) from None

stack = TokenStack(settings, pulumi.get_project(), pulumi.get_stack())
pulumi.export("tokens", stack.tokens)
pulumi.export("orphans", stack.orphans)
