"""Benchmarks of a real, private installation: every figure is measured in its run."""
