"""The one exception of the stand-in plugins whose text reaches the terminal."""


class PluginError(Exception):
    """A request that cannot be done. Its text names the thing, the act, the cause and the remedy, without a value."""
