"""Dead letters: items rejected at the door, and stored records that no rule could read.

They are kept with rule, schema version and reason, and can be replayed once the cause is mended.
"""

from collector.deadletters.service import DeadLetterService

__all__ = ["DeadLetterService"]
