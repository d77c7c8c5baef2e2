"""Kernel: the words every room shares.

Owns: identifiers and their check characters, half-open periods, money in fen, provenance,
refusals and their wording, finding packs, the engine protocol.
May import: the standard library and small domain libraries.
Never: imports another room, opens a connection, knows a place.
"""
