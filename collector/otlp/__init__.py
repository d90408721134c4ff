"""OTLP over HTTP and gRPC: decoded whole, redacted, durable, then acknowledged."""
