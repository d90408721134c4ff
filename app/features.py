"""The nouns of the command line, and where each is built; only the wanted one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import typer


@dataclass(frozen=True)
class Noun:
    """`tillwatch <name> ...`; `source` is `module:function`, the function makes its Typer app."""

    name: str
    help: str
    source: str

    def load(self) -> typer.Typer:
        """Import and build the commands."""
        module, _, function = self.source.partition(":")
        cli: typer.Typer = getattr(import_module(module), function)()
        return cli


NOUNS: tuple[Noun, ...] = (
    Noun("token", "Tokens of people and machines.", "app.access_commands:build_token_cli"),
    Noun("db", "The stores: upgrade, back up, restore.", "app.database_commands:build_db_cli"),
)
