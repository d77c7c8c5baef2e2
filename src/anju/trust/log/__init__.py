"""The transparency log: who did what, for which purpose, when - in a tree that cannot be rewritten unnoticed.

Owns: entries and their one canonical form, the Merkle tree over them (RFC 6962), signed checkpoints (C2SP signed
notes with a witness), verifying an export without the server.
Never: holds a value about a person; an entry names codes and columns only.
"""

from anju.trust.log.entries import Entry, decode, encode, leaf_hash
from anju.trust.log.tiles import StoredTree, Tiles, grow

__all__ = ["Entry", "StoredTree", "Tiles", "decode", "encode", "grow", "leaf_hash"]
