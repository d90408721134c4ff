"""Proofs as files (c2sp.org/tlog-proof@v1): a record's path and the signed checkpoint. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from audit.merkle import leaf_hash, verify_inclusion
from audit.note import Checkpoint, VerifierKey, open_checkpoint
from kernel.errors import BadInput

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")


def proof_text(index: int, path: Sequence[bytes], note: bytes) -> str:
    """Index, audit path (the leaf's sibling first), an empty line, the checkpoint verbatim."""
    hashes = [base64.b64encode(one).decode() for one in path]
    lines = [_HEADER, f"index {index}", *hashes, ""]
    return "\n".join(lines) + "\n" + note.decode("utf-8")


def check_proof(text: str, body: bytes, key: VerifierKey) -> tuple[int, Checkpoint]:
    """Index and checkpoint of the record with these bytes. Raises BadInput where not proven."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    found = _INDEX.match(lines[1]) if len(lines) > 1 and lines[0] == _HEADER else None
    if found is None:
        raise BadInput(f"a proof begins with {_HEADER} and the index", path="proof")
    try:
        path = [base64.b64decode(line, validate=True) for line in lines[2:]]
    except binascii.Error:
        raise BadInput("a line of the proof is not base64", path="proof") from None
    checkpoint = open_checkpoint(note.encode(), key)
    index = int(found[1])
    if not verify_inclusion(index, checkpoint.size, leaf_hash(body), path, checkpoint.root):
        raise BadInput("the record is not in the checkpoint", path="proof")
    return index, checkpoint
