"""Shared kernel: the bottom layer. Knows no feature."""
