"""Request bodies: read with a bound, decompressed with a bound, one layer only."""

from __future__ import annotations

import io
import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import zstandard

from kernel.errors import BadInput, TooLarge, UnsupportedFormat

_GZIP = 16 + zlib.MAX_WBITS
# Input is read in pieces, and what becomes of a piece comes out in steps.
_PIECE = 64 * 1024
_STEP = 256 * 1024
_MAX_MEMBERS = 1_024
_FREE = 4 * 1024**2
_MAX_RATIO = 250
# Its frame does not hold it letter by letter: no cut body can end like it by taking the frame in.
_END = b"." * 64
_END_FRAME = zstandard.ZstdCompressor().compress(_END)
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

    Output is made piece by piece and never grows beyond `max_bytes` plus one step, nor beyond a
    few MiB where it is a bomb: no telemetry shrinks 250-fold. `grow` hears of each piece before it
    is kept.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name in {"gzip", "x-gzip"}:
        return _gathered(_inflated(body, _GZIP), max_bytes, grow)
    if name == "deflate":
        return _gathered(_inflated(body, zlib.MAX_WBITS), max_bytes, grow)
    if name == "zstd":
        return _gathered(_zstd(body), max_bytes, grow)
    raise UnsupportedFormat(
        f"the content encoding {name[:40]!r} is not supported",
        hint="use gzip, deflate, zstd or none, in one layer",
    )


def _gathered(pieces: Iterator[tuple[bytes, int]], max_bytes: int, grow: Grow) -> bytes:
    """All pieces, each with the input bytes that it took so far, within both bounds."""
    parts: list[bytes] = []
    size = 0
    try:
        for piece, consumed in pieces:
            size += len(piece)
            if size > max_bytes or size > _FREE + _MAX_RATIO * consumed:
                raise too_large(max_bytes)
            grow(len(piece))
            parts.append(piece)
    except (zlib.error, zstandard.ZstdError) as error:
        raise _damaged(str(error)) from None
    return b"".join(parts)


def _inflated(body: bytes, window_bits: int) -> Iterator[tuple[bytes, int]]:
    """A little at a time: zlib keeps what it has not used yet in a copy."""
    member = zlib.decompressobj(window_bits)
    members = 1
    for at in range(0, len(body), _PIECE):
        rest = body[at : at + _PIECE]
        more = True
        while more:
            if member.eof:
                members += 1
                _check_follows(members, window_bits)
                member = zlib.decompressobj(window_bits)
            piece = member.decompress(rest, _STEP)
            yield piece, at + _PIECE
            rest = member.unused_data if member.eof else member.unconsumed_tail
            more = bool(rest) or (len(piece) == _STEP and not member.eof)
    if body and not member.eof:
        raise _damaged("it ends too early")


def _check_follows(members: int, window_bits: int) -> None:
    """A gzip file may have several members (RFC 1952); each costs a new state."""
    if window_bits != _GZIP:
        raise _damaged("bytes follow its end")
    if members > _MAX_MEMBERS:
        raise _damaged(f"it has more than {_MAX_MEMBERS} members")


def _zstd(body: bytes) -> Iterator[tuple[bytes, int]]:
    """The reader is silent where a body ends within a frame: a known frame behind it tells."""
    source = io.BytesIO(body + _END_FRAME)
    # The window is bounded too: a frame may ask for gigabytes before its first byte.
    decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024**2)
    reader = decompressor.stream_reader(source, read_size=_PIECE, read_across_frames=True)
    held = b""
    while piece := reader.read(_STEP):
        held += piece
        yield held[: -len(_END)], source.tell()
        held = held[-len(_END) :]
    if held != _END:
        raise _damaged("it ends too early")


def _damaged(why: str) -> BadInput:
    return BadInput(f"the compressed body is damaged: {why[:120]}", path="Content-Encoding")
