"""What holds for all tests: no property fails because the machine is busy."""

from hypothesis import HealthCheck, settings

# A slow machine is no fault of a test: neither its examples nor their making are timed.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=5_000, database=None)
settings.load_profile("unhurried")
