"""Sealing: values that only a key opens, blind indexes to find them, signatures; keys that can be changed.

The narrow front door. ``sealer()`` gives the sealer of this process, made from the key ring under
``ANJU_HOME/keys`` (or ``ANJU_KEYS``, or a key service named by ``ANJU_KMS``); it follows a rotation without a restart.
"""

from anju.trust.sealing.ring import Key, Kms, Ring
from anju.trust.sealing.sealer import Sealer, key_id_of, sealer
from anju.trust.sealing.suites import SUITES, Suite, suite

__all__ = ["SUITES", "Key", "Kms", "Ring", "Sealer", "Suite", "key_id_of", "sealer", "suite"]
