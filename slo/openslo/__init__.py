"""OpenSLO v1 files: strict reading, all faults at once, each with its place, value and reason."""

from slo.openslo.reader import Reading, read_openslo, read_texts

__all__ = ["Reading", "read_openslo", "read_texts"]
