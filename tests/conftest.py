"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A loaded machine is slow; that is no fault of an example.
settings.register_profile("mpvnc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mpvnc")
