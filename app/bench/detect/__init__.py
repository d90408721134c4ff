"""How fast and how rightly incidents are found: one library, played to us and to a peer.

numpy is used here only: the engine does not load this package.
"""
