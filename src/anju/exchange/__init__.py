"""Exchange: twelve departments' data in, one linked library out.

Owns: data contracts, intake and quarantine, the lake of batches, linkage, resolution, publishing,
subscriptions and bundles.
May import: register, policy, trust, kernel. Django only in ``store/``.
Never: opens a connection to an engine by itself (``jobs`` hands one in), decides an application.
"""
