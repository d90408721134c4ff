"""Fakes with state: loopback servers that real SDKs talk to, for tests and the demo."""
