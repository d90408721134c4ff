"""Request bodies: read with a bound, decompressed with a bound, one layer only."""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncIterator, Callable

import zstandard

from kernel.errors import BadInput, TooLarge, UnsupportedFormat

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 64 * 1024
# Told how many bytes more are about to be kept; raises where there is no room for them.
Grow = Callable[[int], None]


def no_budget(_more_bytes: int) -> None:
    """No common budget."""


async def read_bounded(
    chunks: AsyncIterator[bytes], max_bytes: int, grow: Grow = no_budget
) -> bytes:
    """The whole body; TooLarge as soon as it grows beyond the bound, whatever its header said."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        grow(len(chunk))
        parts.append(chunk)
    return b"".join(parts)


def too_large(max_bytes: int) -> TooLarge:
    """The refusal of a body beyond the bound."""
    return TooLarge(
        f"the body is larger than {max_bytes} bytes (before or after decompression)",
        hint="send smaller batches",
    )


def decompress(body: bytes, encoding: str, max_bytes: int, grow: Grow = no_budget) -> bytes:
    """The body without its `Content-Encoding` (gzip, deflate, zstd, identity).

    Output is made piece by piece and never grows beyond `max_bytes` plus one step; `grow` hears of
    each piece before it is kept.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name in {"gzip", "x-gzip"}:
        return _inflate(body, _GZIP, max_bytes, grow)
    if name == "deflate":
        return _inflate(body, zlib.MAX_WBITS, max_bytes, grow)
    if name == "zstd":
        return _zstd(body, max_bytes, grow)
    raise UnsupportedFormat(
        f"the content encoding {name[:40]!r} is not supported",
        hint="use gzip, deflate, zstd or none, in one layer",
    )


def _inflate(body: bytes, window_bits: int, max_bytes: int, grow: Grow) -> bytes:
    parts: list[bytes] = []
    size = 0
    rest = body
    while rest:
        member = zlib.decompressobj(window_bits)
        while not member.eof:
            try:
                piece = member.decompress(rest, _STEP)
            except zlib.error as error:
                raise _damaged(str(error)) from None
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            grow(len(piece))
            parts.append(piece)
            rest = member.unconsumed_tail
            if not piece and not rest and not member.eof:
                raise _damaged("it ends too early")
        rest = member.unused_data
        if window_bits != _GZIP and rest:
            raise _damaged("bytes follow its end")
    return b"".join(parts)


def _zstd(body: bytes, max_bytes: int, grow: Grow) -> bytes:
    parts: list[bytes] = []
    size = 0
    # The window is bounded too: a frame may ask for gigabytes before its first byte.
    decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024**2)
    reader = decompressor.stream_reader(io.BytesIO(body), read_across_frames=True)
    try:
        while piece := reader.read(_STEP):
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            grow(len(piece))
            parts.append(piece)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from None
    return b"".join(parts)


def _damaged(why: str) -> BadInput:
    return BadInput(f"the compressed body is damaged: {why[:120]}", path="Content-Encoding")
