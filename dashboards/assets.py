"""Static files under content-hash names, cached for ever; packed once for who takes gzip.

Pages themselves are not packed: they hold form tokens beside text that others chose (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from kernel.errors import NotFound

_ROOT: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HASH_DIGITS: Final = 12


class Assets:
    """All scripts and style sheets, read once; the name of each changes with its content."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._by_url: dict[str, tuple[bytes, bytes, str]] = {}
        self._url_of: dict[str, str] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix not in _TYPES:
                continue
            data = path.read_bytes()
            name = path.relative_to(root).as_posix()
            digest = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
            url = f"/static/{digest}/{name}"
            self._by_url[url] = (data, gzip.compress(data, mtime=0), _TYPES[path.suffix])
            self._url_of[name] = url

    def url(self, name: str) -> str:
        """Address of `css/tillwatch.css` and the like; KeyError for a file that is not there."""
        return self._url_of[name]

    def router(self) -> APIRouter:
        """Serves the files; nothing else below /static exists."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{path:path}")
        def static(request: Request, path: str) -> Response:
            found = self._by_url.get(f"/static/{path}")
            if found is None:
                raise NotFound(f"no such asset: {path[:200]}", hint="load the page anew")
            plain, packed, media_type = found
            headers = {
                "Cache-Control": "public, max-age=31536000, immutable",
                "Vary": "Accept-Encoding",
            }
            if not _takes_gzip(request.headers.get("accept-encoding", "")):
                return Response(plain, media_type=media_type, headers=headers)
            headers["Content-Encoding"] = "gzip"
            return Response(packed, media_type=media_type, headers=headers)

        return router


def _takes_gzip(accepted: str) -> bool:
    """True where the list names gzip with a weight above nothing (RFC 9110, 12.5.3)."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
