"""The doors: how other systems send to the exchange, ask it, follow it, and trust what it hands out.

Owns: bearer tokens of machine clients, receipts that verify offline, the change feed's cursor and columns, signed bundles,
descriptions of sources to pull from.
May import: register, trust, kernel. No Django; rows are in ``exchange/store``, addresses in ``web/api``.
Never: decides who may do what (``trust.access`` does), opens an engine.
"""
