"""Typed adapters: the only code of Tillwatch that acts on the world outside."""
