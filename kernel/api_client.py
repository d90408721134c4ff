"""HTTP client of our own service, for commands that decide or send.

The address comes from `--url` or `TILLWATCH_PUBLIC_URL`, the token from `TILLWATCH_TOKEN` or the
file `admin.token` of the data folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from kernel import strict_json
from kernel.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    NotAuthenticated,
    NotConfigured,
    NotFound,
    Overloaded,
    TillwatchError,
    TooLarge,
    Unavailable,
    Unreachable,
    UnsupportedFormat,
)
from kernel.settings import KernelSettings, Settings

_BY_STATUS: Mapping[int, type[TillwatchError]] = {
    400: BadInput,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedFormat,
    422: BadInput,
    429: Overloaded,
    503: Unavailable,
}


class ClientSettings(Settings):
    """How commands reach a running service."""

    token: SecretStr = SecretStr("")


class ApiClient:
    """JSON over HTTP, with failures as errors of the kernel's tree."""

    def __init__(self, base_url: str, token: str, *, timeout_s: float = 10.0) -> None:
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.base_url = base_url.rstrip("/")
        try:
            self._http = httpx2.Client(
                base_url=self.base_url, headers=headers, timeout=timeout_s, trust_env=False
            )
        except httpx2.InvalidURL as error:
            raise _no_address(base_url, error) from None

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON answer of a GET."""
        return self._call("GET", path, params=query)

    def post(self, path: str, document: Any) -> Any:
        """The JSON answer of a POST of a JSON document."""
        return self._call(
            "POST",
            path,
            content=json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise _no_address(self.base_url, error) from None
        except httpx2.TransportError as error:
            raise Unreachable(
                f"{self.base_url} does not answer: {error}",
                hint="is `tillwatch serve` running? name its address with --url",
            ) from None
        if response.is_success:
            return strict_json.loads(response.content) if response.content else None
        raise _error_of(response)


def open_client(url: str | None = None, data_dir: Path | None = None) -> ApiClient:
    """A client for the service that the options or the environment name."""
    settings = KernelSettings()
    token = ClientSettings().token.get_secret_value()
    if not token:
        path = (data_dir or settings.data_dir) / "admin.token"
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise NotConfigured(
                f"no token: TILLWATCH_TOKEN is not set and {path} cannot be read"
                f" ({error.strerror})",
                hint="set TILLWATCH_TOKEN or name the folder with --data-dir",
            ) from None
    return ApiClient(url or settings.public_url, token)


def _no_address(url: str, error: Exception) -> BadInput:
    hint = "an address looks like http://127.0.0.1:8080"
    return BadInput(f"not an address: {url!r} ({error})", path="--url", hint=hint)


def _error_of(response: httpx2.Response) -> TillwatchError:
    """The error that the answer's problem document stands for."""
    try:
        document = strict_json.loads(response.content)
    except BadInput:
        document = {}
    if not isinstance(document, dict):
        document = {}
    detail = str(document.get("detail") or f"the service answered {response.status_code}")
    hint = str(document.get("hint", ""))
    kind = _BY_STATUS.get(response.status_code, Unreachable)
    if kind is BadInput:
        return BadInput(detail, path=str(document.get("path", "$")), hint=hint)
    return kind(detail, hint=hint)
