"""OpenSLO v1 files: strict reading, all faults at once, each with its place, value and reason."""

from slo.openslo.reader import Reading, read_openslo

__all__ = ["Reading", "read_openslo"]
