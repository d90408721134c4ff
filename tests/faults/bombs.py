"""Bodies that are small on the wire and huge, or endless, once unpacked. Made without their size.

Ten gigabytes of zeros are never held: a deflate block that was flushed fully can stand in a stream
any number of times, and a zstd block of one repeated byte takes four bytes for 128 KiB.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

GIB = 1024**3
SIZE = 10 * GIB
_BLOCK = 16 * 1024**2
_RLE = 128 * 1024


def gzip_bomb() -> bytes:
    """One member of ten gigabytes; its check sum is never reached."""
    return _head(31) + _zeros() + b"\x03\x00" + bytes(8)


def deflate_bomb() -> bytes:
    """The same with the wrapping of zlib, which HTTP calls deflate."""
    return _head(15) + _zeros() + b"\x03\x00" + bytes(4)


def zstd_bomb() -> bytes:
    """One frame of blocks that repeat a zero (RFC 8878, 3.1.1.2)."""
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x68"  # no checksum, no size, a window of 8 MiB
    return frame + _rle(last=False) * (SIZE // _RLE - 1) + _rle(last=True)


def zstd_wide_window() -> bytes:
    """A frame that asks for a window of 2 GiB before its first byte."""
    return b"\x28\xb5\x2f\xfd" + b"\x00" + b"\xa8" + _rle(last=True)


def zstd_lying_size() -> bytes:
    """A frame in one segment that says it holds ten gigabytes: its window would be as large."""
    told = b"\xe0" + SIZE.to_bytes(8, "little")
    return b"\x28\xb5\x2f\xfd" + told + _rle(last=True)


def nested_gzip() -> bytes:
    """Gzip within gzip: small again and again."""
    return gzip.compress(gzip.compress(gzip_bomb()))


def many_members(count: int = 150_000) -> bytes:
    """A file of empty members: each costs a new state and, read badly, a copy of all the rest."""
    return gzip.compress(b"") * count


def many_full_members() -> bytes:
    """Ten gigabytes in members of 16 MiB."""
    return gzip.compress(bytes(_BLOCK), 9) * (SIZE // _BLOCK)


def endless(piece: bytes = bytes(64 * 1024)) -> Iterator[bytes]:
    """A chunked body without an end."""
    while True:
        yield piece


def _head(window_bits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    return packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)


def _zeros() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (SIZE // _BLOCK)


def _rle(*, last: bool) -> bytes:
    header = (_RLE << 3) | (1 << 1) | int(last)
    return header.to_bytes(3, "little") + b"\x00"


BOMBS = {
    "gzip": ("gzip", gzip_bomb),
    "deflate": ("deflate", deflate_bomb),
    "zstd": ("zstd", zstd_bomb),
    "gzip in gzip": ("gzip", nested_gzip),
    "many members": ("gzip", many_members),
    "many full members": ("gzip", many_full_members),
    "zstd, wide window": ("zstd", zstd_wide_window),
    "zstd, lying size": ("zstd", zstd_lying_size),
    "two encodings": ("gzip, gzip", nested_gzip),
}
