"""Request bodies: read with a bound, decompressed with a bound, one layer only."""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncIterator

import zstandard

from kernel.errors import BadInput, TooLarge, UnsupportedFormat

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 64 * 1024
_ZSTD_HEADER = 18
_ZSTD_RLE = 1
# 0x184D2A50 to 0x184D2A5F, little-endian: frames that hold no data.
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"


async def read_bounded(chunks: AsyncIterator[bytes], max_bytes: int) -> bytes:
    """The whole body; TooLarge as soon as it grows beyond the bound, whatever its header said."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        parts.append(chunk)
    return b"".join(parts)


def too_large(max_bytes: int) -> TooLarge:
    """The refusal of a body beyond the bound."""
    return TooLarge(
        f"the body is larger than {max_bytes} bytes (before or after decompression)",
        hint="send smaller batches",
    )


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body without its `Content-Encoding` (gzip, deflate, zstd, identity).

    Output is made piece by piece and never grows beyond `max_bytes` plus one step.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name in {"gzip", "x-gzip"}:
        return _inflate(body, _GZIP, max_bytes)
    if name == "deflate":
        return _inflate(body, zlib.MAX_WBITS, max_bytes)
    if name == "zstd":
        return _zstd(body, max_bytes)
    raise UnsupportedFormat(
        f"the content encoding {name[:40]!r} is not supported",
        hint="use gzip, deflate, zstd or none, in one layer",
    )


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
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
            parts.append(piece)
            rest = member.unconsumed_tail
            if not piece and not rest and not member.eof:
                raise _damaged("it ends too early")
        rest = member.unused_data
        if window_bits != _GZIP and rest:
            raise _damaged("bytes follow its end")
    return b"".join(parts)


def _zstd(body: bytes, max_bytes: int) -> bytes:
    _check_whole_frames(body)
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
            parts.append(piece)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from None
    return b"".join(parts)


def _check_whole_frames(body: bytes) -> None:
    """Every zstd frame ends with its last block (RFC 8878, 3.1.1); the reader would not say so."""
    at = 0
    while at < len(body):
        if body[at + 1 : at + 4] == _ZSTD_SKIPPABLE and body[at] >> 4 == 5:
            at += 8 + int.from_bytes(body[at + 4 : at + 8], "little")
            continue
        header = body[at : at + _ZSTD_HEADER]
        try:
            at += zstandard.frame_header_size(header)
            has_checksum = zstandard.get_frame_parameters(header).has_checksum
        except zstandard.ZstdError as error:
            raise _damaged(str(error)) from None
        at = _after_blocks(body, at) + 4 * has_checksum
    if at != len(body):
        raise _damaged("it ends too early")


def _after_blocks(body: bytes, at: int) -> int:
    """Where the blocks of a frame end; beyond the end of the body where they are cut off."""
    is_last = False
    while not is_last and at < len(body):
        block = int.from_bytes(body[at : at + 3], "little")
        is_last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == _ZSTD_RLE else size)
    return at if is_last else len(body) + 1


def _damaged(why: str) -> BadInput:
    return BadInput(f"the compressed body is damaged: {why[:120]}", path="Content-Encoding")
