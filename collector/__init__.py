"""Everything that arrives: events, OTLP, changes; redaction; the projector of raw records."""
