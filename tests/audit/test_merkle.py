"""The tree against public vectors and against the definition in RFC 6962 taken literally."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    frontier,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.shared_data import shared

SIZES = st.integers(1, 130)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


class Tree:
    """A stored tree in memory."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        self.hashes = {(0, place): leaf for place, leaf in enumerate(self.leaves)}
        edge = Frontier()
        for leaf in self.leaves:
            for level, place, value in edge.append(leaf):
                self.hashes[level, place] = value

    def nodes(self, level: int, position: int) -> bytes:
        return self.hashes[level, position]


def vectors(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    files = sorted(shared(f"vectors/merkle/testdata/{kind}").rglob("*.json"))
    return [(path, json.loads(path.read_text())) for path in files]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or []]


def test_all_public_inclusion_vectors_get_their_verdict():
    found = vectors("inclusion")
    assert len(found) == 98
    for path, case in found:
        leaf, root = hashes([case["leafHash"] or "", case["root"] or ""])
        good = verify_inclusion(
            case["leafIdx"], case["treeSize"], leaf, hashes(case["proof"]), root
        )
        assert good is not case["wantErr"], path


def test_all_public_consistency_vectors_get_their_verdict():
    found = vectors("consistency")
    assert len(found) == 98
    for path, case in found:
        root1, root2 = hashes([case["root1"] or "", case["root2"] or ""])
        proof = hashes(case["proof"])
        good = verify_consistency(case["size1"], case["size2"], proof, root1, root2)
        assert good is not case["wantErr"], path


def test_size_zero_is_consistent_with_nothing():
    root = root_of([leaf_hash(b"")])
    assert not verify_consistency(0, 1, [], EMPTY_ROOT, root)
    assert not verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


@given(st.integers(0, 130))
def test_the_root_is_that_of_the_definition(size: int):
    tree = Tree(size)
    assert root_of(tree.leaves) == naive_root(tree.leaves) == root_at(size, tree.nodes)


@given(SIZES, st.data())
def test_a_frontier_taken_up_again_goes_on_as_if_never_left(size: int, data: st.DataObject):
    tree = Tree(size)
    cut = data.draw(st.integers(0, size))
    edge = frontier(cut, tree.nodes)
    for leaf in tree.leaves[cut:]:
        edge.append(leaf)
    assert edge.root() == naive_root(tree.leaves)


@given(SIZES, st.data())
def test_inclusion_holds_for_its_own_leaf_index_and_size_alone(size: int, data: st.DataObject):
    tree = Tree(size)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size))
    proof, root = inclusion_proof(index, size, tree.nodes), naive_root(tree.leaves)
    leaf = tree.leaves[index]
    assert verify_inclusion(index, size, leaf, proof, root)
    assert verify_inclusion(other, size, leaf, proof, root) is (other == index)
    assert not verify_inclusion(index, size, leaf_hash(b"else"), proof, root)
    assert not verify_inclusion(index, size, leaf, [*proof, root], root)
    assert not verify_inclusion(index, size, leaf, proof, EMPTY_ROOT)


@given(SIZES, st.data())
def test_consistency_holds_for_the_true_prefix_alone(size2: int, data: st.DataObject):
    tree = Tree(size2)
    size1 = data.draw(st.integers(1, size2))
    root1, root2 = naive_root(tree.leaves[:size1]), naive_root(tree.leaves)
    proof = consistency_proof(size1, size2, tree.nodes)
    assert verify_consistency(size1, size2, proof, root1, root2)
    assert not verify_consistency(size1, size2, proof, leaf_hash(b"else"), root2)
    assert not verify_consistency(size1, size2, proof, root1, leaf_hash(b"else"))
    assert not verify_consistency(size1, size2, [*proof, root1], root1, root2)
    for position in range(len(proof)):
        bent = [*proof]
        bent[position] = leaf_hash(b"else")
        assert not verify_consistency(size1, size2, bent, root1, root2)


def test_proofs_of_what_is_not_there_are_refused():
    tree = Tree(3)
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_proof(3, 3, tree.nodes)
    with pytest.raises(ValueError, match="no consistency"):
        consistency_proof(0, 3, tree.nodes)
