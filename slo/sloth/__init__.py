"""Sloth's specs (https://sloth.dev): strict reading, and the Prometheus rules that they stand for.

Our ledger counts shop events; what a Sloth spec asks is counted by Prometheus. So an imported spec
gives rules, not an objective of the ledger.
"""

from slo.sloth.reader import SlothReading, is_sloth, read_sloth
from slo.sloth.rules import sloth_groups
from slo.sloth.windows import BUILT_IN, AlertWindows, read_windows

__all__ = [
    "BUILT_IN",
    "AlertWindows",
    "SlothReading",
    "is_sloth",
    "read_sloth",
    "read_windows",
    "sloth_groups",
]
