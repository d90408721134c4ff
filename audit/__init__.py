"""The action log: records, Merkle tree, checkpoints, proofs and the verifier."""
