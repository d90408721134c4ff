"""The Merkle tree of RFC 6962: hashes, appending, inclusion and consistency proofs.

A tree is read through a `Nodes` function: the hash of the full subtree `(level, position)`, which
spans the leaves `[position << level, (position + 1) << level)`; level 0 are leaf hashes.
Verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2; index and size are always bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: one full subtree per bit of its size."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks`: hashes of the full subtrees of a tree of `size` leaves, largest first."""
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} full subtrees")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; returns the full subtrees it completed: (level, position, hash)."""
        made: list[tuple[int, int, bytes]] = []
        index, level, current = self.size, 0, leaf
        while index >> level & 1:
            current = node_hash(self._peaks.pop(), current)
            level += 1
            made.append((level, index >> level, current))
        self._peaks.append(current)
        self.size += 1
        return made

    def root(self) -> bytes:
        """Root hash at the present size."""
        if not self._peaks:
            return EMPTY_ROOT
        current = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            current = node_hash(peak, current)
        return current


def frontier(size: int, nodes: Nodes) -> Frontier:
    """The frontier of a stored tree at `size` leaves."""
    peaks, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(nodes(level, start >> level))
            start += 1 << level
    return Frontier(size, peaks)


def root_at(size: int, nodes: Nodes) -> bytes:
    """Root hash of the first `size` leaves."""
    return frontier(size, nodes).root()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root hash over leaf hashes."""
    edge = Frontier()
    for leaf in leaves:
        edge.append(leaf)
    return edge.root()


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves, the leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, nodes)


def consistency_proof(size1: int, size2: int, nodes: Nodes) -> list[bytes]:
    """Proof that the first `size1` leaves of the tree of `size2` are the tree of `size1`."""
    if not 0 < size1 <= size2:
        raise ValueError(f"no consistency between sizes {size1} and {size2}")
    return _subproof(size1, 0, size2, nodes, whole=True)


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """True where `proof` leads from the leaf hash at `index` to the root at `size`."""
    if not 0 <= index < size or not _all_hashes([leaf, root, *proof]):
        return False
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        return False
    current = leaf
    for level, sibling in enumerate(proof[:inner]):
        current = node_hash(sibling, current) if index >> level & 1 else node_hash(current, sibling)
    for sibling in proof[inner:]:
        current = node_hash(sibling, current)
    return current == root


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> bool:
    """True where the tree (size1, root1) is a prefix of (size2, root2). `size1 = 0` is an error."""
    if not 0 < size1 <= size2:
        return False
    if size1 == size2:
        return not proof and root1 == root2
    if not _all_hashes([root1, root2, *proof]):
        return False
    shift = (size1 & -size1).bit_length() - 1
    inner = ((size1 - 1) ^ (size2 - 1)).bit_length()
    border = (size1 - 1 >> inner).bit_count()
    inner -= shift
    rest = list(proof)
    if size1 == 1 << shift:
        seed = root1
    elif rest:
        seed = rest.pop(0)
    else:
        return False
    if len(rest) != inner + border:
        return False
    mask = size1 - 1 >> shift
    old = new = seed
    for level, sibling in enumerate(rest[:inner]):
        if mask >> level & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    for sibling in rest[inner:]:
        old, new = node_hash(sibling, old), node_hash(sibling, new)
    return old == root1 and new == root2


def _all_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _hash_of(start: int, end: int, nodes: Nodes) -> bytes:
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(count)
    return node_hash(_hash_of(start, middle, nodes), _hash_of(middle, end, nodes))


def _path(index: int, start: int, end: int, nodes: Nodes) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle, nodes), _hash_of(middle, end, nodes)]
    return [*_path(index, middle, end, nodes), _hash_of(start, middle, nodes)]


def _subproof(size1: int, start: int, end: int, nodes: Nodes, *, whole: bool) -> list[bytes]:
    if size1 == end:
        return [] if whole else [_hash_of(start, end, nodes)]
    middle = start + _split(end - start)
    if size1 <= middle:
        return [
            *_subproof(size1, start, middle, nodes, whole=whole),
            _hash_of(middle, end, nodes),
        ]
    return [
        *_subproof(size1, middle, end, nodes, whole=False),
        _hash_of(start, middle, nodes),
    ]
