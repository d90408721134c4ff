"""Static files under content-hash names, so that they can be cached for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response

from kernel.errors import NotFound

_ROOT: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HASH_DIGITS: Final = 12


class Assets:
    """All scripts and style sheets, read once; the name of each changes with its content."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._by_url: dict[str, tuple[bytes, str]] = {}
        self._url_of: dict[str, str] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix not in _TYPES:
                continue
            data = path.read_bytes()
            name = path.relative_to(root).as_posix()
            digest = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
            url = f"/static/{digest}/{name}"
            self._by_url[url] = (data, _TYPES[path.suffix])
            self._url_of[name] = url

    def url(self, name: str) -> str:
        """Address of `css/tillwatch.css` and the like; KeyError for a file that is not there."""
        return self._url_of[name]

    def router(self) -> APIRouter:
        """Serves the files; nothing else below /static exists."""
        router = APIRouter(include_in_schema=False)

        @router.get("/static/{path:path}")
        def static(path: str) -> Response:
            found = self._by_url.get(f"/static/{path}")
            if found is None:
                raise NotFound(f"no such asset: {path[:200]}", hint="load the page anew")
            cache = {"Cache-Control": "public, max-age=31536000, immutable"}
            return Response(found[0], media_type=found[1], headers=cache)

        return router
