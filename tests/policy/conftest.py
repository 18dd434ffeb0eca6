"""Properties are bounded by their number of examples, not by the clock of a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("policy", settings.get_profile("default"), deadline=None)
settings.load_profile("policy")
