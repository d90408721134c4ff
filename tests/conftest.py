"""What holds for all tests: no property fails because the machine is busy."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.register_profile("long", deadline=None, max_examples=5_000, database=None)
settings.load_profile("unhurried")
