"""What all commands share: option types, and one way to print a result.

stdout carries the result only; progress, hints and logs go to stderr. `--json` prints exactly one
document.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder of the stores (TILLWATCH_DATA_DIR, else ./tillwatch-data).",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--url", help="Address of the service (TILLWATCH_PUBLIC_URL).", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]

_Document = TypeVar("_Document", bound=Mapping[str, Any])


def emit(document: _Document, as_json: bool, render: Callable[[_Document], str]) -> None:
    """Print the result: the document itself, or what `render` makes of it for people."""
    text = json.dumps(document, ensure_ascii=False) if as_json else render(document)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A word to the person at the terminal, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def render_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()
) -> str:
    """A plain table, columns as wide as their widest cell; control characters made visible.

    Columns named in `right` stand at the right: numbers under numbers.
    """
    cells = [list(head), *[[_plain(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    places = [name in right for name in head]
    lines = [
        "  ".join(
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, places, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def terminal_width() -> int:
    """Columns of the terminal (COLUMNS; 80 where there is none)."""
    return shutil.get_terminal_size((80, 24)).columns


def plain(text: str) -> str:
    """Text without control characters (terminal escapes in foreign data stay harmless)."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _plain(cell: object) -> str:
    return plain(str(cell))
