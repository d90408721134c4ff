"""Composition root: the only package that sees every other."""
