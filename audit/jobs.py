"""What the engine runs for the log."""

from __future__ import annotations

from audit.sequencer import AuditSequencer
from kernel.parts import Part


def parts(sequencer: AuditSequencer) -> list[Part]:
    """The sequencer's loop. Call `sequencer.stop()` once the loop has ended."""
    return [Part("audit.sequence", sequencer.step, idle_wait_s=0.2)]
